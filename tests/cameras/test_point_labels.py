import numpy as np

from surface_sos_core.cameras.point_labels import spread_labels
from surface_sos_core.settings import PointGroupSettings

SETTINGS = PointGroupSettings()


def groups(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Two balls of points, (2 * count, 3), with a gap between them; the second reaches far on the other side."""
    generator = np.random.default_rng(1)
    ball = generator.normal(size=(count, 3)) * 0.1
    rod = ball * [1, 1, 8] + [0.9, 0, 2.0]
    return np.concatenate((ball, rod)), np.repeat([True, False], count)


def test_groups_stay_whole_and_end_at_gaps() -> None:
    xyz, first = groups()
    on, off = np.zeros(600, bool), np.zeros(600, bool)
    on[np.argmin(np.linalg.norm(xyz, axis=1))] = True
    off |= xyz[:, 2] > 3
    belongs, apart = spread_labels(xyz, on, off, SETTINGS)
    assert (belongs & first).sum() > 0.97 * first.sum() and (apart & ~first).sum() > 0.97 * (~first).sum()
    assert not (belongs & apart).any()


def test_given_labels_hold_even_within_one_group() -> None:
    xyz, _ = groups()
    on, off = np.zeros(600, bool), np.zeros(600, bool)
    on[:50], off[50:100] = True, True
    belongs, apart = spread_labels(xyz, on, off, SETTINGS)
    assert belongs[:50].all() and apart[50:100].all()


def test_what_no_path_leads_to_is_neither() -> None:
    xyz, first = groups()
    on = np.zeros(600, bool)
    on[0] = True
    far = xyz + np.where(first, 0.0, 1e4)[:, None]
    belongs, apart = spread_labels(far, on, np.zeros(600, bool), SETTINGS)
    assert belongs[first].mean() > 0.97 and not belongs[~first].any() and not apart.any()


def test_few_points_are_as_they_were() -> None:
    on, off = np.array([True, False, False]), np.array([False, True, False])
    belongs, apart = spread_labels(np.eye(3), on, off, SETTINGS)
    assert belongs.tolist() == on.tolist() and apart.tolist() == off.tolist()


def test_of_many_points_some_tell_the_others() -> None:
    xyz, first = groups(2000)
    on, off = first & (np.arange(4000) < 40), ~first & (np.arange(4000) >= 3960)
    whole, apart = spread_labels(xyz, on, off, SETTINGS)
    some, _ = spread_labels(xyz, on, off, PointGroupSettings(most=2000))
    assert (some == whole).mean() > 0.97 and not (some & off).any()
    assert (whole & first).sum() > 0.97 * 2000 and (apart & ~first).sum() > 0.97 * 2000
