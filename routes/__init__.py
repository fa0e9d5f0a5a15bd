"""Plain HTTP beside Dash: heartbeat, geometry, compressed bundles, headers."""
