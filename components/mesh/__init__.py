"""Istio, its gateway, and the rules on who may talk to whom."""
