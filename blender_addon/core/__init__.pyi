from surface_sos_core import events as events
from surface_sos_core import frame_numbers as frame_numbers
from surface_sos_core import jobs_file as jobs_file
from surface_sos_core import manifest as manifest
from surface_sos_core import wording as wording
