"""Runs in a Blender, once for many tests: executes the scripts that it is sent, each in a Blender as if just started.

An order is a line of JSON on stdin: the script's file, the arguments that end its sys.argv, the folder it runs in, and
the files that take what it says on stdout and stderr. The answer is a line "ENDED code", as a process would end.
"""

import ctypes
import importlib
import json
import os
import runpy
import sys
import traceback

import bpy

import addon_utils  # isort: skip (of Blender, found once bpy is there)

ADDON = "bl_ext.user_default.surface_sos" if bpy.app.version >= (4, 2) else "surface_sos"
FAILED = 3  # the code of a script that raised
_C = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
_ENVIRONMENT = dict(os.environ)


def fresh_file():
    """An empty file, the add-on enabled."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    addon_utils.enable(ADDON)  # 3.4 forgets what is not in its preferences


def tell(**facts):
    """Hand facts back to the test."""
    print("FACTS " + json.dumps(facts), flush=True)


def stroke_elements(count):
    """What the operator gpencil.annotate draws a stroke of so many points from; where they are depends on the window."""
    known = {p.identifier for p in bpy.types.OperatorStrokeElement.bl_rna.properties}
    whole = {"name": "", "location": (0, 0, 0), "mouse": (5, 5), "mouse_event": (5, 5), "pressure": 1.0, "size": 1.0,
             "pen_flip": False, "x_tilt": 0.0, "y_tilt": 0.0, "time": 0.0, "is_start": False}  # fmt: skip
    element = {name: value for name, value in whole.items() if name in known}
    return [{**element, "is_start": n == 0, "mouse": (5 + 9 * n, 5 + 4 * n)} for n in range(count)]


def fresh_addon():
    """The installed add-on, enabled and loaded anew, in Blender's own start-up file and preferences."""
    os.environ.clear()
    os.environ.update(_ENVIRONMENT)
    addon_utils.disable(ADDON)
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{ADDON}.")]:
        del sys.modules[name]
    bpy.ops.wm.read_factory_settings()
    return addon_utils.enable(ADDON)


def execute(order):
    """The exit code of a script that sees what the test's scripts are promised."""
    os.chdir(order["folder"])
    sys.argv = [order["file"], *order["arguments"]]
    try:
        addon = fresh_addon()
        names = {
            "ADDON": ADDON, "addon": addon, "addon_utils": addon_utils, "bpy": bpy,
            "fresh_file": fresh_file, "json": json, "stroke_elements": stroke_elements, "sys": sys, "tell": tell,
            "part": lambda name: importlib.import_module(f"{addon.__name__}.{name}"),
        }  # fmt: skip
        runpy.run_path(order["file"], names, "__main__")
    except SystemExit as end:
        return int(end.code or 0)
    except Exception:  # noqa: BLE001 (told as a process tells it)
        traceback.print_exc()
        return FAILED
    return 0


def redirect(*files):
    """stdout and stderr, Python's and C's, into files of these names."""
    sys.stdout.flush(), sys.stderr.flush(), _C.fflush(None)
    for number, name in enumerate(files, start=1):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)


def main():
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # children must not read orders
    for line in orders:
        order = json.loads(line)
        redirect(order["out"], order["err"])
        code = execute(order)
        redirect(os.devnull, os.devnull)
        print(f"ENDED {code}", file=answers, flush=True)
    addon_utils.disable(ADDON)  # bpy 4.5 never ends with an operator registered


main()
