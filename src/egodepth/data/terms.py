"""Licences of data sets and how to cite them. A model card names them, because they may bind what was learned."""

from typing import NamedTuple

FREE_LICENCES = (
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "unlicense"),
)
"""Licences, as the Hugging Face hub spells them, that allow commercial use."""


class Terms(NamedTuple):
    """Terms of use of a data set."""

    licence: str = ""
    """As the hub spells it, or in words; empty if it is unknown."""
    link: str = ""
    """Page of the data set that states it."""
    citation: str = ""
    tag: str = ""
    """Name of the data set in a model card's metadata."""


_KITTI = Terms("cc-by-nc-sa-3.0", "https://www.cvlibs.net/datasets/kitti/", tag="kitti")

RENDERED = Terms("apache-2.0")
KITTI_RAW = _KITTI._replace(
    citation="Geiger, Lenz, Stiller, Urtasun. Vision meets Robotics: The KITTI Dataset. IJRR 2013"
)
KITTI_2015 = _KITTI._replace(citation="Menze, Geiger. Object Scene Flow for Autonomous Vehicles. CVPR 2015")
KITTI_ODOMETRY = _KITTI._replace(
    citation="Geiger, Lenz, Urtasun. Are we ready for Autonomous Driving? The KITTI Vision Benchmark Suite. CVPR 2012"
)
CITYSCAPES = Terms(
    "Cityscapes' own terms, for non-commercial purposes",
    "https://www.cityscapes-dataset.com/license/",
    "Cordts et al. The Cityscapes Dataset for Semantic Urban Scene Understanding. CVPR 2016",
    "cityscapes",
)
MAKE3D = Terms(citation="Saxena, Sun, Ng. Make3D: Learning 3D Scene Structure from a Single Still Image. TPAMI 2009")
"""Its licence is not known here."""
