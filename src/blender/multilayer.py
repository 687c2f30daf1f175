"""The format of pictures that only netrender reads: all layers and passes, 32 bits, lossless.

Runs inside Blender; the standard library only.
"""


def write_multilayer(settings):
    """Has a scene with these render settings write multilayer EXR, to files of exactly the given name."""
    settings.use_file_extension = False
    settings.use_overwrite = True
    settings.use_placeholder = False
    image = settings.image_settings
    if hasattr(image, "media_type"):  # 5.0: must come first, or the format is not on offer
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER"
    image.color_depth = "32"
    image.exr_codec = "ZIP"
    if hasattr(image, "use_exr_interleave"):  # 5.0: all channels in one part, as before
        image.use_exr_interleave = True
    if hasattr(image, "use_preview"):
        image.use_preview = False
    if hasattr(image, "color_management"):
        image.color_management = "FOLLOW_SCENE"
