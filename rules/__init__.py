"""Pure rules of a centre: working calendar, deadlines and lamp, risk and routing, status."""
