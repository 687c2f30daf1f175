"""Which frames need a file: a first and a last one, or None for all. Rather too many than one too few.

A window is only given where it is known for certain; whatever is animated, cyclic or used by somebody unknown is for all frames.
"""

import math
import os
import re

FIRST, LAST = -(2**31), 2**31 - 1
NUMBERED = re.compile(r"(.*?)(\d+)((?:_\d\d)?\.[^/\d]*)")
UNNEEDED = "unneeded"


class Clock:
    """How frames of the job become frames of files."""

    def __init__(self, scene):
        render = scene.render
        # With the old and the new length of a second, every frame is another one.
        self.is_plain = render.frame_map_old == render.frame_map_new
        # The frames beside it are for speeds, and for what moves while the shutter is open.
        self.margin = 1 + (math.ceil(render.motion_blur_shutter) if render.use_motion_blur else 0)

    def window(self, first, last):
        """These frames, and those beside them; None for all."""
        if not self.is_plain or (first <= FIRST and last >= LAST):
            return None
        return (max(FIRST, first - self.margin), min(LAST, last + self.margin))


def union(one, other):
    """The frames of both."""
    if one is None or other is None:
        return None
    return (min(one[0], other[0]), max(one[1], other[1]))


def of_image(users, clock):
    """The window of each number of a picture sequence, by those who show it; no function if they are not all known."""
    if not users or not all(user.use_auto_refresh and not user.use_cyclic and user.frame_duration > 0 for user in users):
        return None

    def window(number):
        found = UNNEEDED
        for user in users:
            place = number - user.frame_offset
            if 0 <= place <= user.frame_duration:
                at = user.frame_start + place - 1
                # The first picture stays before its time, the last one after it.
                own = clock.window(FIRST if place <= 1 else at, LAST if place == user.frame_duration else at)
                found = own if found == UNNEEDED else union(found, own)
        return found

    return window


def of_volume(volume, clock):
    """The same for a sequence of volumes."""
    if volume.sequence_mode not in {"CLIP", "EXTEND"} or volume.frame_duration <= 0 or is_animated(volume, "frame_"):
        return None

    def window(number):
        place = number - volume.frame_offset
        if not 1 <= place <= volume.frame_duration:
            return UNNEEDED
        at = volume.frame_start + place - 1
        if volume.sequence_mode == "CLIP":
            return clock.window(at, at)
        return clock.window(FIRST if place == 1 else at, LAST if place == volume.frame_duration else at)

    return window


def of_cache_file(cache_file, clock):
    """The same for a sequence of Alembic files: their numbers are frames."""
    if cache_file.override_frame or is_animated(cache_file, "frame"):
        return None
    return lambda number: clock.window(number, number)


def of_numbered(paths, clock):
    """The window of each file of a cache: from the file before it to the one after it, for Blender blends between the two."""
    families = {}
    for path in paths:
        folder, name = os.path.split(path)
        parts = NUMBERED.fullmatch(name)
        # The frame 0 of particles holds what is true of them at all times.
        if parts and not (name.endswith(".bphys") and int(parts[2]) == 0):
            families.setdefault((folder, parts[1], parts[3]), []).append((int(parts[2]), path))
    found = dict.fromkeys(paths)
    for family in families.values():
        family.sort()
        numbers = [FIRST, *(number for number, _ in family), LAST]
        for place, (_, path) in enumerate(family, 1):
            before, after = numbers[place - 1], numbers[place + 1]
            first = before + 1 if before > FIRST else FIRST
            # The margin adds the frames of its neighbours.
            found[path] = clock.window(first, after - 1 if after < LAST else LAST)
    return found


def is_animated(block, *words):
    """Whether an animation or a driver of the data-block may change a property whose path holds one of these words."""
    animation = block.animation_data
    if animation is None:
        return False
    curves = [*animation.drivers, *curves_of(animation.action)] if not animation.nla_tracks else None
    return curves is None or any(word in curve.data_path for curve in curves for word in words)


def curves_of(action):
    """The curves of an action, which from 4.4 on may have layers."""
    if action is None:
        return []
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    bags = (bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags)
    return [curve for bag in bags for curve in bag.fcurves]
