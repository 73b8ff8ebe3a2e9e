"""Errors a user can meet, each with the exit code the command line ends with.

Every message says what must hold, what we got and what to do.
"""


class RfmError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class ParamsError(RfmError, ValueError):
    """The study's parameters, or the arguments of a function, are not usable."""

    exit_code = 2


class DataError(RfmError, ValueError):
    """The data cannot be used as they are."""

    exit_code = 3


class NotFittedError(RfmError, AttributeError):
    """A strategy was asked for labels before it had learned anything."""


class NotebookError(RfmError):
    """A notebook failed while it ran."""

    exit_code = 4


class GateError(RfmError):
    """A gate stopped an export."""

    exit_code = 5


class AlertError(GateError):
    """An alert stopped a run before anything was published."""


class LockedError(RfmError):
    """Another run is writing to the same study."""


class DeliveryError(RfmError):
    """Something could not be delivered now; trying again later may help."""


class DeliveryRefusedError(DeliveryError):
    """The receiver refuses what is delivered, so trying again as it is does not help."""


class DeliveryUncertainError(DeliveryError):
    """Something may have been delivered, or not: sending it again could send it twice."""
