"""Errors that were raised on another machine, in a form that can travel."""

from __future__ import annotations

import pickle

from runctl_auto.errors import RunctlError


def portable(error: Exception) -> Exception:
    """``error`` if it survives the way, else one of the same words. Its cause stays behind."""
    error.__cause__ = error.__context__ = error.__traceback__ = None
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):  # noqa: S301 - of this process
            return error
    except Exception as fault:
        reason = f"{type(fault).__name__}: {fault}"
    else:
        reason = "it changes on the way"
    if isinstance(error, RunctlError):
        return RunctlError(error.what, where=error.where, next_step=error.next_step)
    return RunctlError(f"{type(error).__name__}: {error} (not sent as it is: {reason})")
