"""Makes scenes to be cut into tiles: run as `blender -b -P tiles.py -- FOLDER` or by a Python with bpy.

In FOLDER afterwards: `main.blend` with the scenes named by `MAKERS` below, each with settings of Cycles that look at pixels or
samples in a way of their own, and `Seams`, whose tiles cannot fit together. Small and quick: about 50 x 40 pixels.
"""

import os
import sys

import bpy

FOLDER = os.path.abspath(sys.argv[sys.argv.index("--") + 1])


def plain(scene):
    scene.render.resolution_x, scene.render.resolution_y = 48, 36


def odd_passes(scene):
    """Every kind of pass, two layers, an odd size and a broad filter."""
    scene.render.resolution_x, scene.render.resolution_y = 53, 37
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "GAUSSIAN", 3.0
    second = scene.view_layers.new("Second Layer")
    for layer in (scene.view_layers[0], second):
        for name in ("z", "mist", "normal", "vector", "object_index", "diffuse_color", "cryptomatte_object"):
            setattr(layer, f"use_pass_{name}", True)
        layer.cycles.denoising_store_passes = True
        layer.cycles.pass_debug_sample_count = True


def bordered(scene):
    """A border of the scene's own, at a percentage, without crop."""
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 111, 75, 50
    scene.render.use_border, scene.render.use_crop_to_border = True, False
    scene.render.border_min_x, scene.render.border_max_x = 0.21, 0.83
    scene.render.border_min_y, scene.render.border_max_y = 0.1, 0.9


def odd_size(scene):
    plain(scene)
    scene.render.resolution_x, scene.render.resolution_y = 333, 187
    scene.cycles.samples = 1


def blurred(scene):
    """Depth of field, motion blur, an animated seed."""
    plain(scene)
    scene.render.use_motion_blur = True
    scene.camera.data.dof.use_dof = True
    scene.camera.data.dof.aperture_fstop = 0.5
    scene.cycles.use_animated_seed = True
    cube = bpy.data.objects["Cube"]
    for frame, turn in ((1, 0.0), (4, 1.5)):
        cube.rotation_euler.z = turn
        cube.keyframe_insert("rotation_euler", frame=frame)


def adaptive(scene):
    """Noisy, and with samples to spare."""
    plain(scene)
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.samples, scene.cycles.adaptive_threshold = 64, 0.02
    scene.view_layers[0].cycles.pass_debug_sample_count = False
    scene.cycles.seed = 1


def other_seed(scene):
    adaptive(scene)
    scene.cycles.seed = 2


def denoised(scene):
    """Two denoised layers, one of which keeps what the denoiser looked at, and one that stays noisy; adaptive, transparent."""
    adaptive(scene)
    scene.cycles.samples, scene.render.film_transparent = 16, True
    scene.cycles.use_denoising = True
    kept, noisy = scene.view_layers.new("Kept, dotted."), scene.view_layers.new("Noisy")
    for layer in (kept, noisy):
        layer.use_pass_normal = True
        layer.cycles.denoising_store_passes = True
    noisy.cycles.use_denoising = False


def seams(scene):
    plain(scene)
    scene.cycles.time_limit = 100


MAKERS = {
    "Plain": plain,
    "Odd Passes": odd_passes,
    "Bordered": bordered,
    "Odd Size": odd_size,
    "Blurred": blurred,
    "Adaptive": adaptive,
    "Other Seed": other_seed,
    "Denoised": denoised,
    "Seams": seams,
}


def set_up(scene):
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 2
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.device = "CPU"
    scene.frame_start, scene.frame_end = 1, 4


bpy.ops.wm.read_homefile(use_factory_startup=True)
first = bpy.context.scene
set_up(first)
for name, maker in MAKERS.items():
    bpy.context.window.scene = first
    if name != "Plain":
        bpy.ops.scene.new(type="LINK_COPY")
    made = bpy.context.scene
    made.name = name
    maker(made)
os.makedirs(FOLDER, exist_ok=True)
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(FOLDER, "main.blend"))
sys.stdout.flush()
os._exit(0)
