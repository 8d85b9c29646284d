"""Hints from a rectified stereo pair: semi-global matching, several times, the best by photometric error.

As Watson et al. 2019 make theirs (section 3.3), by OpenCV's semi-global block matching (Hirschmüller 2008).
"""

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.losses import photometric_error

BLOCKS = (3, 7)
"""Sides of the matched blocks, pixels: small ones keep thin things, large ones find something on plain walls."""
MOST_WIDTH = 800
"""Pairs are matched at this width at most: with more pixels it takes longer, and depth becomes little more exact."""
NEAREST = 0.16
"""Largest stereo disparity that is searched, as a share of the image's width."""
MOST_ERROR = 0.15
"""Photometric error from which on a match is none."""
MOST_OF_UNSHIFTED = 0.9
"""A match counts if its error is below this share of the error without a shift. On a plain sky both are alike."""
MOST_DIFFERENCE = 0.5
"""Columns by which the match of a pixel's match may miss the pixel."""
LEAST_SHARE = 0.5
"""A pixel of the hint is set if at least this share of the image pixels that it covers has a match."""
MATCHING = (BLOCKS, MOST_WIDTH, NEAREST, MOST_ERROR, MOST_OF_UNSHIFTED, MOST_DIFFERENCE, LEAST_SHARE)
"""The settings that determine a hint. If one of them changes, hints are made again."""
_STEEPEST, _OFF_AXIS, _ZOOM = 5e-3, 0.03, 0.25
"""What still counts as rectified: radians, share of the baseline, share of the focal length (it is resampled)."""
Grey = UInt8[np.ndarray, "h w"]


def stereo_hint(
    left: UInt8[np.ndarray, "h w 3"],
    right: UInt8[np.ndarray, "hp wp 3"],
    camera: Camera,
    partner_camera: Camera,
    partner_from_self: Float[np.ndarray, "4 4"],
    size: tuple[int, int],
) -> Float32[np.ndarray, "H W"]:
    """Inverse depth in 1 / metres (0: unknown) of a frame, by its stereo partner.

    A pixel takes the median of the matched pixels under it, and never a mixture of near and far.

    Args:
        left: the frame; it may be the right one of the pair.
        right: its partner at the same instant.
        camera: of the frame, unbatched.
        partner_camera: of the partner; focal length and centre may differ.
        partner_from_self: takes points in the frame's axes to the partner's, metres.
        size: (height, width) of the hint.

    Raises:
        InputError: the pair is not rectified, or OpenCV is missing.
    """
    _require_rectified(camera, partner_camera, partner_from_self)
    baseline = -float(partner_from_self[0, 3])
    if baseline < 0:  # the partner is on the left: seen in a mirror it is on the right
        flipped = [np.ascontiguousarray(image[:, ::-1]) for image in (left, right)]
        opposite = np.eye(4)
        opposite[0, 3] = baseline
        found = stereo_hint(flipped[0], flipped[1], camera.mirrored(), partner_camera.mirrored(), opposite, size)
        return found[:, ::-1].copy()
    width = min(left.shape[1], MOST_WIDTH)
    matched_size = round(left.shape[0] * width / left.shape[1]), width
    frame, partner = _shrunk(left, matched_size), _as_seen_by(right, partner_camera, camera, matched_size)
    offset = width * _offset(camera, partner_camera)
    disparity, known = _best_disparity(frame, partner, offset)
    inverse_depth = (disparity - offset) / (width * float(camera.focal[0]) * baseline)
    return _reduced(np.where(known, inverse_depth, 0).astype(np.float32), size)


def _require_rectified(camera: Camera, partner_camera: Camera, partner_from_self: Float[np.ndarray, "4 4"]) -> None:
    rotation, offset = partner_from_self[:3, :3], partner_from_self[:3, 3]
    turned = np.abs(rotation - np.eye(3)).max() > _STEEPEST
    aside = np.abs(offset[1:]).max() > _OFF_AXIS * abs(offset[0]) or offset[0] == 0
    zoomed = ((partner_camera.focal / camera.focal).log().abs() > np.log1p(_ZOOM)).any()
    if turned or aside or zoomed:
        raise InputError(
            "the stereo pair is not rectified (rotated, or not side by side); rectify its images, or leave 'stereo' "
            "out of --hints.sources"
        )


def _offset(camera: Camera, partner_camera: Camera) -> float:
    """Stereo disparity of what is infinitely far, as a share of the width."""
    return float(camera.centre[0] - partner_camera.centre[0] * camera.focal[0] / partner_camera.focal[0])


def _shrunk(image: UInt8[np.ndarray, "_ _ 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)


def _as_seen_by(
    image: UInt8[np.ndarray, "_ _ 3"], own: Camera, other: Camera, size: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """The partner's image with the frame's focal length and centre row; its columns begin where they began."""
    zoom = (other.focal / own.focal).double().numpy()
    lift = float(other.centre[1] - own.centre[1] * zoom[1])
    shrunk = _shrunk(image, size)
    if np.allclose(zoom, 1, atol=1e-6) and abs(lift) * size[0] < 1e-2:
        return shrunk
    # Pixel centres are whole in OpenCV and halves in ours: u' = zoom u, v' = zoom v + lift.
    matrix = np.array([[zoom[0], 0, (zoom[0] - 1) / 2], [0, zoom[1], (zoom[1] - 1) / 2 + lift * size[0]]])
    return cv2.warpAffine(shrunk, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _best_disparity(
    frame: UInt8[np.ndarray, "h w 3"], partner: UInt8[np.ndarray, "h w 3"], offset: float
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Columns between a pixel and its match, by the block size that explains it best, and where there is a match."""
    grey, other = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (frame, partner))
    found = np.stack([_consistent(grey, other, block, offset) for block in BLOCKS])
    error = np.stack([_error(frame, partner, disparity) for disparity in found])
    best = error.argmin(0)[None]
    least = np.take_along_axis(error, best, 0)[0]
    infinitely_far = _error(frame, partner, np.full_like(found[0], offset))
    known = (least < MOST_ERROR) & (least < MOST_OF_UNSHIFTED * infinitely_far)
    return np.take_along_axis(found, best, 0)[0], known


def _consistent(frame: Grey, partner: Grey, block: int, offset: float) -> Float32[np.ndarray, "h w"]:
    """The disparity of the frame where the partner's, found the other way round, agrees; elsewhere not a number."""
    disparity = _disparity(frame, partner, block, offset)
    flipped = [np.ascontiguousarray(image[:, ::-1]) for image in (partner, frame)]
    partners = _disparity(flipped[0], flipped[1], block, offset)[:, ::-1]
    match = np.rint(np.arange(frame.shape[1]) - np.nan_to_num(disparity)).astype(int)
    difference = np.abs(np.take_along_axis(partners, match.clip(0, frame.shape[1] - 1), 1) - disparity)
    return np.where(difference <= MOST_DIFFERENCE, disparity, np.float32(np.nan))


def _disparity(frame: Grey, partner: Grey, block: int, offset: float) -> Float32[np.ndarray, "h w"]:
    """By blocks of one size; not a number where nothing is found, or the match would be outside of the partner."""
    width = frame.shape[1]
    lowest = int(np.floor(offset))
    count = 16 * int(np.ceil(NEAREST * width / 16))
    # OpenCV leaves out as many columns on the left as it searches: they are added.
    beside = max(lowest + count, 0)
    images = [cv2.copyMakeBorder(image, 0, 0, beside, 0, cv2.BORDER_REPLICATE) for image in (frame, partner)]
    matcher = cv2.StereoSGBM.create(
        minDisparity=lowest,
        numDisparities=count,
        blockSize=block,
        P1=8 * block**2,
        P2=32 * block**2,
        disp12MaxDiff=1,
        preFilterCap=31,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    disparity = matcher.compute(*images)[:, beside:].astype(np.float32) / 16
    match = np.arange(width) - disparity
    good = (disparity > np.maximum(offset, lowest)) & (match >= 0) & (match <= width - 1)
    return np.where(good, disparity, np.float32(np.nan))


def _error(
    frame: UInt8[np.ndarray, "h w 3"], partner: UInt8[np.ndarray, "h w 3"], disparity: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """Photometric error of the partner's matches (Godard et al. 2019, eq. 2); infinite where there are none."""
    height, width = disparity.shape
    column = np.arange(width, dtype=np.float32) - np.nan_to_num(disparity)
    row = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, 1)
    warped = cv2.remap(partner, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen, own = (torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (warped, frame))
    error = photometric_error(seen, own)[0]
    return np.where(np.isnan(disparity), np.float32(np.inf), error.numpy())


def _reduced(inverse_depth: Float32[np.ndarray, "h w"], size: tuple[int, int]) -> Float32[np.ndarray, "H W"]:
    """Median of the known values (not 0) under every pixel; where they are few, 0."""
    rows, columns = (_samples(old, new) for old, new in zip(inverse_depth.shape, size, strict=True))
    under = inverse_depth[rows[:, None, :, None], columns[None, :, None, :]].reshape(*size, -1)
    ascending = np.sort(np.where(under > 0, under, np.inf), -1)
    count = np.isfinite(ascending).sum(-1)
    median = np.take_along_axis(ascending, (np.maximum(count, 1) - 1)[..., None] // 2, -1)[..., 0]
    return np.where(count >= LEAST_SHARE * under.shape[-1], median, 0).astype(np.float32)


def _samples(old: int, new: int) -> np.ndarray:
    """Positions among `old` that lie under each of `new`, evenly spaced: new x k."""
    each = -(-old // new)
    place = (np.arange(new)[:, None] + (np.arange(each) + 0.5) / each) / new
    return np.minimum((place * old).astype(int), old - 1)
