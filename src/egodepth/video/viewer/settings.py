"""Settings of the viewer. Nothing heavy is imported here: help lists them."""

from dataclasses import dataclass

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class ViewerSettings:
    """Address and limits of the viewer."""

    host: str = "127.0.0.1"
    """Address to listen on. The default is reached from this machine alone. With any other, such as 0.0.0.0, everybody
    on that network sees the scene and can upload files."""
    port: int = 8080
    """Port to listen on; 0 takes any free one."""
    points: int = 100_000
    """Show at most so many points, drawn at random. What is saved has all of them."""
    upload_mb: int = 200
    """Refuse uploads beyond so many megabytes, for all visitors together."""

    def __post_init__(self) -> None:
        require(0 <= self.port <= 65535, f"--port {self.port}: 0 to 65535 are possible")
        require(self.points >= 1, f"--points {self.points}: at least 1")
        require(1 <= self.upload_mb <= 2000, f"--upload-mb {self.upload_mb}: 1 to 2000 are possible")

    @property
    def upload_bytes(self) -> int:
        """Limit of the uploads in bytes."""
        return self.upload_mb * 1_000_000
