"""What people and devices do: live alerts, as they come, are answered and escalate."""
