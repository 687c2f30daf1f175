"""Which pixels of a frame are rendered: all of its picture, or one tile of it.

Runs inside Blender; the standard library and `bpy` objects only. Pixels are counted from the bottom left, as borders are;
tiles, like the rows of a file, from the top left. They are cut as `Tile::of` in `ids/tiles.rs` cuts.
"""

import contextlib
import ctypes


class TooSmall(Exception):
    """The picture has fewer pixels than tiles; the text is one sentence for people."""


# Into the pixel: a border on its very edge is rounded down by one at some sizes (at 30 of 111, for example).
INSIDE = 0.25


def picture_size(settings):
    """Width and height of the picture."""
    left, bottom, right, top = picture(settings)
    return [right - left, top - bottom]


@contextlib.contextmanager
def only(settings, tile, overlap):
    """Has Blender render a tile (none: the whole picture) and so many pixels around it, for as long as this lasts.

    Tells the size of the picture and that of the tile, and how much there is rendered at its left, top, right and bottom.
    """
    whole = picture(settings)
    if tile is None:
        yield picture_size(settings), picture_size(settings), [0, 0, 0, 0]
        return
    place = cut(whole, tile)
    left, bottom, right, top = (
        *(max(edge - overlap, limit) for edge, limit in zip(place[:2], whole[:2], strict=True)),
        *(min(edge + overlap, limit) for edge, limit in zip(place[2:], whole[2:], strict=True)),
    )
    width, height = full_size(settings)
    before = {name: getattr(settings, name) for name in BORDER}
    edges = ((left, width), (right, width), (bottom, height), (top, height))
    size = picture_size(settings)
    try:
        settings.use_border = settings.use_crop_to_border = True
        for name, (edge, side) in zip(BORDER[2:], edges, strict=True):
            setattr(settings, name, min((edge + INSIDE) / side, 1.0))
        yield (
            size,
            [place[2] - place[0], place[3] - place[1]],
            [place[0] - left, top - place[3], right - place[2], place[1] - bottom],
        )
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


BORDER = ("use_border", "use_crop_to_border", "border_min_x", "border_max_x", "border_min_y", "border_max_y")


def cut(whole, tile):
    """The edges of a tile, or of a block of them that are rendered as one; empty tiles cannot be rendered."""
    left, bottom, right, top = whole
    (column, columns), (row, rows) = (tile["column"], tile["columns"]), (tile["row"], tile["rows"])
    width, height = right - left, top - bottom
    edge = tapered_edge if tile["tapered"] else even_edge
    across = [even_edge(width, part, columns) for part in range(column, column + tile["wide"] + 1)]
    along = [edge(height, part, rows) for part in range(row, row + tile["high"] + 1)]
    if len(set(across)) < len(across) or len(set(along)) < len(along):
        raise TooSmall(f"a picture of {width}x{height} pixels cannot be cut into {columns}x{rows} tiles")
    return left + across[0], top - along[-1], left + across[-1], top - along[0]


def even_edge(side, part, parts):
    """Where one of several parts of a side begins, which differ by one pixel at most."""
    return side * part // parts


def tapered_edge(side, part, parts):
    """The same of parts that become smaller, for the last ones of a frame to take the least time."""
    return side * part * (2 * parts - part) // (parts * parts)


def picture(settings):
    """Left, bottom, right and top of the picture, rounded as Blender does: down, in 32-bit numbers where there is a border."""
    width, height = full_size(settings)
    if not settings.use_border:
        return 0, 0, width, height
    return (
        down(settings.border_min_x, width),
        down(settings.border_min_y, height),
        down(settings.border_max_x, width),
        down(settings.border_max_y, height),
    )


def full_size(settings):
    return [side * settings.resolution_percentage // 100 for side in (settings.resolution_x, settings.resolution_y)]


def down(part, side):
    return int(ctypes.c_float(part * side).value)


def adapts(scene):
    """Whether the samples of a pixel depend on the pixels beside it: an overlap keeps that from showing."""
    return scene.render.engine == "CYCLES" and scene.cycles.use_adaptive_sampling


def seams(scene):
    """Why tiles of this scene would not fit together, whatever is done about it, in words; nothing if they do."""
    if scene.render.engine != "CYCLES":
        return [f"only Cycles renders a pixel the same whatever is rendered beside it, {scene.render.engine} does not"]
    found, cycles = [], scene.cycles
    if getattr(cycles, "use_guiding", False):
        found.append("path guiding learns from the pixels around")
    if getattr(cycles, "time_limit", 0) > 0:
        found.append("a time limit would let each tile take as long as the frame")
    if scene.render.use_freestyle:
        found.append("Freestyle draws its lines over the whole frame")
    return found
