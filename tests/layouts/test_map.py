"""The map's figure: bands, zoom and words."""

from datetime import datetime

import pandas as pd

from layouts import map as drawing
from layouts.map import Band, Box

BOX = Box(112.0, 28.0, 112.15, 28.04)


def figure(**changes) -> dict:
    whole = {
        "codes": ["a", "b"],
        "bands": [0, drawing.NO_BAND],
        "colours": ("#111111", "#222222"),
        "geometry_url": "/geometry/x/grid/all.json",
        "outline_url": None,
        "box": BOX,
        "heat": None,
        "chosen": None,
        "scale": 1.0,
    }
    return drawing.figure(**{**whole, **changes})


def test_a_polygon_without_a_value_has_the_first_step_of_the_scale():
    polygons = figure()["data"][0]
    assert polygons["z"] == [0, -1]
    assert (polygons["zmin"], polygons["zmax"]) == (-1.5, 1.5)  # three steps: none, band 0, band 1
    assert polygons["colorscale"][2:4] == [[1 / 3, "#111111"], [2 / 3, "#111111"]]


def test_the_style_is_an_address_of_our_own_and_so_is_the_geometry():
    shown = figure(outline_url="/geometry/x/town/all.json")
    assert shown["layout"]["map"]["style"].startswith("/assets/")
    assert shown["data"][0]["geojson"].startswith("/geometry/")
    assert shown["layout"]["map"]["layers"][0]["source"].startswith("/geometry/")


def room(box: Box = BOX, scale: float = 1.0) -> dict:
    return figure(box=box, scale=scale)["layout"]["meta"]


def test_the_browser_learns_what_to_fit_and_how_much_room_the_controls_take():
    assert room()["box"] == [BOX.west, BOX.south, BOX.east, BOX.north]
    assert (room(scale=2.0)["above"], room(scale=2.0)["around"]) == (156.0, 44.0)


def test_heat_cells_keep_their_size_on_the_ground_however_many_pixels_there_are():
    assert round(room(scale=2.0)["radius_zoom"] - room()["radius_zoom"], 3) == 1.0
    half = room(Box(112.0, 28.0, 112.2, 28.01))["radius_zoom"]
    whole = room(Box(112.0, 28.0, 112.4, 28.01))["radius_zoom"]
    assert round(half - whole, 3) == 1.0


def test_without_heat_nothing_of_it_is_sent():
    _, density = drawing.values([0], ("#111111",), BOX, None)
    assert (density["lon"], density["visible"]) == ([], False)


def test_one_cell_of_heat_reaches_the_end_of_the_colours():
    heat = pd.DataFrame({"lon": [112.07], "lat": [28.02], "weight": [5.0]})
    _, density = drawing.values([0], ("#111111",), BOX, heat)
    assert density["zmax"] == 2.0  # 0.4 * 5
    assert density["visible"]


def test_the_chosen_polygon_has_a_thick_border():
    assert figure(chosen="b")["data"][0]["marker"]["line"]["width"] == [1.2, 5.0]


def test_the_trail_ends_where_one_is_and_every_step_before_is_a_button():
    parts = drawing.trail(["某镇", "某村"], "全域")
    buttons = [part for part in parts if type(part).__name__ == "Button"]
    assert [(b.children, b.id["index"]) for b in buttons] == [("全域", 0), ("某镇", 1)]
    assert parts[-1].children == "某村"


def test_the_unlocated_are_always_said():
    shown = str(drawing.placed("97.9%", "4,744/4,847", 103))
    assert "97.9%" in shown
    assert "103" in shown


def test_the_legend_says_how_many_of_the_red_cases_are_on_the_map():
    assert drawing.pin_legend(drawing.Pinned(0, 0)) == []
    assert "最新" not in str(drawing.pin_legend(drawing.Pinned(9, 8)))
    assert "8/9" in str(drawing.pin_legend(drawing.Pinned(9, 8)))
    assert "最新 60/85" in str(drawing.pin_legend(drawing.Pinned(85, 60, is_newest=True)))


def test_a_past_time_and_an_old_edition_are_said_loudly():
    now = drawing.window("近 30 日", None, None)
    assert [part.children for part in now] == ["近 30 日"]
    past = drawing.window("近 30 日", datetime(2026, 11, 1, 8), 3)
    assert past[1].className == "past"
    assert past[1].children == "历史　2026-11-01 08:00 的情况　第 3 版数据"


def test_an_alert_of_unknown_signal_has_a_colour_of_no_risk_and_an_exercise_says_so():
    unknown = drawing.alert_item(None, "Actual", 112.0, 28.0)
    assert (unknown["mark"], unknown["stamp"]) == ("muted", "")
    assert drawing.alert_item("red", "Exercise", 112.0, 28.0)["stamp"] == "演练"


def test_the_map_zooms_by_the_room_that_the_columns_leave():
    assert drawing.CANVAS == (1026.0, 902.0)  # as Chromium lays it out, within the frame


def test_a_legend_counts_the_polygons_of_each_band():
    rows = drawing.legend("网格受理数", [Band("#111111", "≥ 5", 1234)])
    assert "1,234" in str(rows)
