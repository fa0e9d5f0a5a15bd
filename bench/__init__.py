"""Measurements: every figure that an issue asks for, one module a subject (`python -m bench`)."""
