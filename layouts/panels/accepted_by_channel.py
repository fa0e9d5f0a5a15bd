"""By which ways do matters come in?"""

from layouts.rankings import largest

PANEL = largest("accepted_by_channel", "来源渠道", "事项从哪里来？", "accepted", "channel")
