"""How a centre's wall behaves: its scenes, their rhythm, and the room that it hangs in."""

from pydantic import Field, model_validator

from data.declaration import Declared

NIGHT = "04:00"
SCENES = ("overview", "risk", "disputes", "departments", "grids", "follow_up")  # DOMAIN 4.1
MOST_DISPLAYS = 3  # either way: what layouts/assets/seams.css keeps text off


class WallView(Declared):
    """`[wall]` of site.toml. Lengths in metres; `seams` are physical panels (across, down)."""

    scenes: tuple[str, ...] = Field(default=SCENES, description="轮播的场景，按顺序", min_length=1)
    seconds: int = Field(default=40, ge=10, le=600, description="每个场景停留的秒数")
    touch_seconds: int = Field(default=120, ge=10, le=3600, description="有人操作后暂停轮播的秒数")
    distance_m: float = Field(default=8, gt=0, le=50, description="最远的读者离大屏多少米")
    width_m: float = Field(default=4, gt=0, le=50, description="大屏的宽度（米）")
    seams: tuple[int, int] = Field(default=(1, 1), description="拼接屏（16:9）：横向、纵向的块数")
    day_begins: str = Field(default="07:00", pattern=r"([01]\d|2[0-3]):[0-5]\d")
    night_begins: str = Field(default="19:00", pattern=r"([01]\d|2[0-3]):[0-5]\d")
    reload_at: str = Field(
        default=NIGHT, pattern=r"([01]\d|2[0-3]):[0-5]\d", description="每天自动重新载入的时刻"
    )
    takeover_seconds: int = Field(default=60, ge=5, le=600, description="红色预警占屏的秒数")
    sensitive: tuple[str, ...] = Field(
        default=(), description="敏感类别的编码，含其下级；大屏只计入总数，不显示类别、位置和单件"
    )
    fewest: int = Field(
        default=3, ge=1, le=100, description="镇街以下按类别等细分时，小于此数的不显示具体数目"
    )
    has_sound: bool = Field(default=False, description="红色预警是否发声")

    @model_validator(mode="after")
    def _seams_are_possible(self) -> "WallView":
        across, down = self.seams
        if not (1 <= across <= MOST_DISPLAYS and 1 <= down <= MOST_DISPLAYS):
            raise ValueError(
                f"seams = [{across}, {down}] 不行；能避开拼缝的是横向、纵向各 1-{MOST_DISPLAYS} 块"
            )
        return self
