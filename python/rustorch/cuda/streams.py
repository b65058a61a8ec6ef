"""Queues of work of devices: see rustorch.cuda."""

from . import Event, ExternalStream, Stream

__all__ = ["Event", "ExternalStream", "Stream"]
