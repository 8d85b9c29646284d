import numpy as np
import pytest

from egodepth.synthetic.noise import band, disc, fractal_noise, lattice_noise, stripes

X = np.linspace(0, 50, 2001, dtype=np.float32)
FINE = np.full_like(X, 1e-3)


def test_noise_is_continuous_and_bounded() -> None:
    values = lattice_noise(X, X * 0.3)
    assert np.abs(values).max() <= 1
    assert np.abs(np.diff(values)).max() < 0.15
    assert values.std() > 0.2


def test_noise_finer_than_a_pixel_fades_away() -> None:
    close = fractal_noise(X, X, FINE, cell=1.0, octaves=4)
    far = fractal_noise(X, X, np.full_like(X, 2.0), cell=1.0, octaves=4)
    assert close.std() > 0.2
    assert (far == 0).all()


def test_stripes_keep_their_mean_however_wide_the_pixel() -> None:
    for width in (0.01, 0.7, 5.0, 40.0):
        covered = stripes(X, 2.0, 0.5, 1.0, np.full_like(X, width))
        assert covered.min() >= -1e-4
        assert covered.max() <= 1 + 1e-4
        assert covered.mean() == pytest.approx(0.25, abs=0.01)


def test_a_wide_pixel_sees_the_share_of_a_band_that_it_covers() -> None:
    x = np.array([0.0, 1.0, 2.0], np.float32)
    np.testing.assert_allclose(band(x, 1.0, 3.0, np.ones_like(x)), [0, 0.5, 1], atol=1e-6)


def test_a_disc_is_full_inside_and_empty_outside() -> None:
    x = np.array([0.0, 1.0, 2.0], np.float32)
    np.testing.assert_allclose(disc(x, 0 * x, 1.0, np.full_like(x, 0.1)), [1, 0.5, 0], atol=1e-6)
