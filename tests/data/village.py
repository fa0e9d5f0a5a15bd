"""A small site with kinds of events and a sensor, as its centre would write it."""

SITE = """
name = "village"
title = "小村"
zone = "Asia/Shanghai"
levels = [{ key = "grid", name = "网格", files = ["g.geojson"] }]
[[alerts.kinds]]
code = "flood"
word = "水位超警戒"
texts = ["水位", "水位异常"]
[[alerts.kinds]]
code = "rain"
word = "暴雨"
[[alerts.sensors]]
kind = "water"
event = "flood"
unit = "m"
topics = ["t/water/{device}/level"]
levels = { yellow = 3, red = 5 }
hysteresis = 0.5
most = 20
"""
