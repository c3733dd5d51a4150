"""Keys of a mask, found by how it moves."""

from blender_addon.files.key_frames import key_frames


def shapes(keys: dict[int, float], frames: range) -> dict[int, list[float]]:
    """A point and a still one, moved as Blender moves masks: straight between keys, at rest outside."""
    numbers = sorted(keys)

    def at(frame: int) -> float:
        if frame <= numbers[0]:
            return keys[numbers[0]]
        if frame >= numbers[-1]:
            return keys[numbers[-1]]
        left = max(n for n in numbers if n <= frame)
        right = min(n for n in numbers if n > left)
        share = (frame - left) / (right - left)
        return keys[left] * (1 - share) + keys[right] * share

    return {frame: [at(frame), 0.5] for frame in frames}


def test_a_key_is_where_the_motion_changes():
    assert key_frames(shapes({1005: 0.1, 1012: 0.3, 1020: 0.25}, range(1001, 1025))) == [1005, 1012, 1020]
    assert key_frames(shapes({3: 0.1, 4: 0.3, 5: 0.1}, range(1, 10))) == [3, 4, 5]


def test_keys_at_or_beyond_the_ends_of_the_footage_count_there():
    assert key_frames(shapes({1: 0.1, 10: 0.4}, range(1, 11))) == [1, 10]
    assert key_frames(shapes({-5: 0.1, 20: 0.4}, range(1, 11))) == [1, 10]


def test_a_mask_that_never_moves_has_no_key_that_can_be_told():
    assert key_frames(shapes({5: 0.2}, range(1, 11))) == []
    assert key_frames({7: [0.1]}) == [] and key_frames({}) == []


def test_single_precision_is_no_motion():
    noisy = {frame: [0.3 + 1e-6 * (frame % 3)] for frame in range(50)}
    assert key_frames(noisy) == []
