"""The counters of the program: set_logger(LockingLogger()), add_stat_value(name, value)."""

from rustorch._script.loggers import AggregationType as AggregationType
from rustorch._script.loggers import LockingLogger as LockingLogger
from rustorch._script.loggers import NoopLogger as NoopLogger
from rustorch._script.loggers import add_stat_value as add_stat_value
from rustorch._script.loggers import set_logger as set_logger
