"""Public complaints: who posts, how far it goes, and whether somebody answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, NOT_A_TIME
from loyaltylab.sources.synthetic.draws import Floats, lognormal_quantile
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import Flags, Integers

POSTS_WITHIN = (0.60, 0.78)
HOUR_US = DAY_US // 24
FAST_HOURS, REPLY_LOG_SD, LONGEST_REPLY_HOURS = 2.0, 1.0, 96.0
COUNTED_AFTER_DAYS = 7


@dataclass(frozen=True)
class Replies:
    """What was answered to today's posts; arrays of shape (n_posts,)."""

    is_answered: Flags
    is_public: Flags
    hours: Floats


def post_complaints(run: Run) -> None:
    """The aggrieved complain in public; others see it, and take part of it to heart tomorrow."""
    state, parameters = run.state, run.parameters
    rate = parameters.post_rate_pm * np.exp(parameters.post_grievance_log_hr * state.grievance)
    authors = np.flatnonzero(run.strikes("post", rate_pm=rate) & state.is_active)
    if not authors.size:
        return
    run.milestones.reach("first_post", authors, day=run.day)
    replies = _reply(run, authors=authors)
    is_fast = replies.is_answered & (replies.hours <= FAST_HOURS)
    views = lognormal_quantile(
        run.luck("post.reach", authors),
        median=parameters.post_reach_median,
        sigma=parameters.post_reach_log_sd,
    )
    views = views * (1 + parameters.reply_public_reach * replies.is_public)
    views = np.asarray(np.round(views * (1 - parameters.reply_fast_reach_cut * is_fast)))
    state.satisfaction[authors] += parameters.reply_gain * is_fast
    run.words.post(views=float(views.sum()), n_active=int(state.is_active.sum()))
    _record(run, authors=authors, replies=replies, views=views)


def _reply(run: Run, *, authors: Integers) -> Replies:
    """Answered or not, in public or not, after some hours; the world may say how."""
    parameters, policy = run.parameters, run.world.public_reply if run.is_forcing else None
    answered = run.luck("post.answered", authors) < parameters.reply_share
    public = run.luck("post.public", authors) < parameters.reply_public_share
    if policy is not None:
        answered = np.full(authors.size, policy != "none")
        public = np.full(authors.size, policy == "public")
    hours = lognormal_quantile(
        run.luck("post.delay", authors), median=parameters.reply_hours_median, sigma=REPLY_LOG_SD
    )
    if policy is not None:
        hours = np.minimum(hours, FAST_HOURS)  # a strategy of replying replies at once
    return Replies(answered, answered & public, np.minimum(hours, LONGEST_REPLY_HOURS))


def _record(run: Run, *, authors: Integers, replies: Replies, views: Floats) -> None:
    if not run.journal.is_kept:
        return
    end = run.calendar.window_end_us
    posted = run.stamp("post.at", authors, within=POSTS_WITHIN)
    replied = posted + np.round(replies.hours * HOUR_US).astype(np.int64)
    is_known = replies.is_answered & (replied < end)
    counted = posted + COUNTED_AFTER_DAYS * DAY_US
    run.journal.record(
        "public_posts",
        customer_id=authors,
        posted_at=posted,
        replied_at=np.where(is_known, replied, NOT_A_TIME),
        is_reply_public=np.where(is_known, replies.is_public, np.nan),
        views=np.where(counted < end, views, np.nan),
        counted_at=np.where(counted < end, counted, NOT_A_TIME),
    )
