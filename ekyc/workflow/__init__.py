"""Durable work: what goes on after the process that began it has died, and what time alone sets off.

A job is a name and a few steps. Whoever starts one gives it an id and further ids; nothing else is kept of it::

    job = Job(name="batch-item", steps=(Step(name="verify", do=verify), Step(name="clean-up", do=clean_up)))
    with DbosWork.open(storage, jobs=(job,)) as work:
        work.start("batch-item", item_id, (tenant, item_id))

What is true stands in the tables of the rooms, never here: a step may be done twice and must then change nothing. So an
engine that lost everything is told again what is left to do. :class:`DurableWork` is all that others see of the engine;
DBOS is the one that there is, and this is the only room that imports it.

Timers are no jobs: a tick that is missed or done twice does no harm, and needs no memory but when it is due again.
"""

from ekyc.workflow.timers import Timer, Timers, ticking
from ekyc.workflow.work import DurableWork, Job, Step, WorkError

__all__ = ["DurableWork", "Job", "Step", "Timer", "Timers", "WorkError", "ticking"]
