"""From hits to an image: materials, light, haze, sky, and smooth edges."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from egodepth.data.synthetic import car_paint, materials
from egodepth.data.synthetic.ground import ground
from egodepth.data.synthetic.materials import Albedo, Surface
from egodepth.data.synthetic.noise import fractal_noise
from egodepth.data.synthetic.raycast import SKY, Eye, Hits
from egodepth.data.synthetic.scene import Material, Scene


if TYPE_CHECKING:
    from egodepth.data.synthetic.street import Street


SHADERS: dict[Material, Callable[[Surface], Albedo]] = {
    Material.FACADE: materials.facade,
    Material.SHOP: materials.shop,
    Material.PLAIN: materials.plain,
    Material.MASONRY: materials.masonry,
    Material.ROOF: materials.roof,
    Material.FOLIAGE: materials.foliage,
    Material.BARK: materials.bark,
    Material.METAL: materials.metal,
    Material.SIGN: materials.sign,
    Material.CAR_SIDE: car_paint.side,
    Material.CAR_REAR: car_paint.rear,
    Material.CAR_FRONT: car_paint.front,
    Material.CAR_CABIN: car_paint.cabin,
    Material.CAR_GLASS: car_paint.glass,
    Material.CAR_PAINT: materials.plain,
    Material.CAR_UNDER: car_paint.under,
}
HAZE_LENGTH = 450.0
"""Distance over which a colour fades to 1/e of itself into the horizon's, metres."""


def shade(street: "Street", scene: Scene, eye: Eye, hits: Hits) -> Float[np.ndarray, "h w 3"]:
    """The noise-free image in [0, 1].

    A pixel whose five rays hit one face is shaded once, at its centre, by patterns filtered over the pixel; a pixel on
    an edge is the mean of its four outer rays.
    """
    height, width = eye.size
    face = hits.face.reshape(5, -1)
    is_edge = (face[1:] != face[0]).any(0)
    inner, edge = np.flatnonzero(~is_edge), np.flatnonzero(is_edge)
    sample = np.concatenate([np.zeros(len(inner), int), np.repeat(np.arange(1, 5), len(edge))])
    pixel = np.concatenate([inner, np.tile(edge, 4)])
    width_of_ray = np.where(sample == 0, 1.0, 0.5).astype(np.float32)
    x, y = eye.directions()
    ray = np.stack([x[sample, pixel % width], y[sample, pixel // width], np.ones(len(pixel), np.float32)], 1)
    ray = ray @ eye.rotation.T.astype(np.float32)
    q = hits.inverse_depth.reshape(5, -1)[sample, pixel]
    colour = _colours(street, scene, eye, ray, q, face[sample, pixel], width_of_ray)
    image = np.empty((height * width, 3), np.float32)
    image[inner] = colour[: len(inner)]
    image[edge] = colour[len(inner) :].reshape(4, len(edge), 3).mean(0)
    return np.clip(image, 0, 1).reshape(height, width, 3)


def _colours(
    street: "Street",
    scene: Scene,
    eye: Eye,
    ray: Float[np.ndarray, "n 3"],
    q: Float[np.ndarray, " n"],
    face: Int[np.ndarray, " n"],
    width: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "n 3"]:
    """Colour of each ray that meets `face` at inverse depth `q`; `width` is its share of a pixel."""
    colour = np.empty((len(ray), 3), np.float32)
    is_sky = face == SKY
    colour[is_sky] = _sky(street, ray[is_sky])
    kind = np.where(is_sky, -1, scene.material[face])
    for material in np.unique(kind[kind >= 0]):
        rows = np.flatnonzero(kind == material)
        surface, normal = _surface(scene, eye, ray[rows], q[rows], face[rows], width[rows])
        if material == Material.GROUND:
            albedo = ground(surface, street.road)
        else:
            albedo = SHADERS[Material(material)](surface)
        lit = albedo * _light(street, normal, material == Material.FOLIAGE)[:, None]
        fog = np.exp(-1 / (q[rows] * HAZE_LENGTH))[:, None]
        colour[rows] = lit * fog + np.array([0.78, 0.82, 0.86], np.float32) * (1 - fog)
    return colour


def _surface(
    scene: Scene,
    eye: Eye,
    ray: Float[np.ndarray, "n 3"],
    q: Float[np.ndarray, " n"],
    face: Int[np.ndarray, " n"],
    width: Float[np.ndarray, " n"],
) -> tuple[Surface, Float[np.ndarray, "n 3"]]:
    """Surface coordinates, footprints and normals where rays meet the scene."""
    t = (1 / q).astype(np.float32)
    point = eye.position.astype(np.float32) + t[:, None] * ray
    faces, index = np.unique(face, return_inverse=True)
    normal, right, up = (getattr(scene, name)[faces].astype(np.float32) for name in ("normal", "right", "up"))
    origin = scene.origin[faces]
    steps = (eye.rotation[:, :2] / (eye.focal * (eye.size[1], eye.size[0]))).astype(np.float32)
    is_round = (normal == 0).all(1)
    away = np.einsum("ij,ij->i", normal[index], ray)
    away = np.where(is_round[index], 1, np.minimum(away, -1e-3))
    coordinates, feet = [], []
    for axis in (right, up):
        along = np.einsum("ij,ij->i", axis[index], ray)
        coordinates.append(np.einsum("ij,ij->i", axis[index], point) - np.einsum("ij,ij->i", axis, origin).astype(np.float32)[index])
        foot = np.zeros_like(t)
        for step in steps.T:
            foot += np.abs((axis @ step)[index] - along * ((normal @ step)[index] / away))
        feet.append(foot * t * width)
    radial = (point - origin.astype(np.float32)[index]) / np.maximum(scene.extent[faces].astype(np.float32)[index], 1e-3) ** 2
    normals = normal[index]
    if is_round.any():
        radial /= np.linalg.norm(radial, axis=1, keepdims=True) + 1e-9
        normals = np.where(is_round[index][:, None], radial, normals)
    columns = (getattr(scene, name)[faces].astype(np.float32)[index] for name in ("extent", "colour", "grain"))
    return Surface(*coordinates, point, *feet, np.maximum(*feet), *columns), normals


def _light(street: "Street", normal: Float[np.ndarray, "n 3"], is_soft: bool) -> Float[np.ndarray, " n"]:
    """Sky light, more of it from above, and sunlight; leaves scatter it softly."""
    sky = 0.82 - 0.18 * normal[:, 1]
    facing = normal @ street.sun.astype(np.float32)
    facing = 0.5 + 0.5 * facing if is_soft else np.maximum(facing, 0)
    return (sky * (1 - 0.35 * street.sunlight) + street.sunlight * facing).astype(np.float32)


def _sky(street: "Street", ray: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """A gradient from the bright horizon to blue or grey, with clouds on a plane far above."""
    unit = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    height = np.clip(-unit[:, 1], 0, 1)
    share = np.sqrt(height)[:, None]
    horizon = np.array([0.88, 0.91, 0.94], np.float32)
    zenith = np.array([0.36, 0.55, 0.83] if street.sunlight else [0.70, 0.72, 0.76], np.float32)
    scale = 1 / (height + 0.12)
    x, z = unit[:, 0] * scale + street.seed % 97, unit[:, 2] * scale
    clouds = fractal_noise(x, z, np.full_like(x, 0.004) * scale, 0.9, 5)
    cover = np.clip(0.35 + 1.3 * clouds, 0, 1)[:, None] * np.clip(height * 8, 0, 1)[:, None]
    return horizon + (zenith - horizon) * share + (np.array([0.95, 0.95, 0.96], np.float32) - horizon * (1 - share) - zenith * share) * cover * 0.8
