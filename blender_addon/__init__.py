"""Surface-SOS in Blender: segment footage from a panel, import its cameras, comp the result."""

from . import (
    display,
    import_cameras,
    load_result,
    looking,
    operators,
    panel,
    preferences,
    properties,
    shot_mesh,
)

_MODULES = (properties, display, preferences, operators, import_cameras, load_result, looking, shot_mesh, panel)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
