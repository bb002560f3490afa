"""Counterfactual worlds: what a world forces, what comes of it, and what it leaves behind.

Two worlds with the same seed share every draw, so their difference is the difference the forced
strategy makes. With the recorded ``environment`` of a common world, queue load and word of mouth
are the same in both as well, and what remains is the strategy's direct effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Desk = Literal["none", "reactive", "integrated", "obstructive"]
Rollout = Literal["none", "day_one", "staggered"]
Remedy = Literal["refund", "voucher_forfeited", "voucher_refunded", "choice", "none"]
Timing = Literal["at_refusal", "at_cancellation"]
Announced = Literal["silent", "accurate", "low"]
Cost = Literal["high", "low"]
Reply = Literal["public", "private", "none"]

Days = NDArray[np.float64]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Recorded:
    """What customers do to each other in a world, step by step, to be replayed in another.

    Attributes
    ----------
    load : numpy.ndarray, shape (n_steps,)
        Load of the contact centre that customers meet at each step, 1 at full use.
    outrage : numpy.ndarray, shape (n_steps,)
        Views of public complaints per customer that act at each step.
    heard_step, heard_by : numpy.ndarray, shape (n_words,)
        At which step a customer hears of a neighbour who left. The step is the one from which
        the word counts; pressure fades from there.
    """

    load: Floats
    outrage: Floats
    heard_step: Integers
    heard_by: Integers


@dataclass(frozen=True)
class World:
    """What is forced, relative to the parameters; a field left at None forces nothing.

    Attributes
    ----------
    desk : {"none", "reactive", "integrated", "obstructive"}, optional
        Who takes the first cancellation request of every customer. ``is_lasting`` says whether
        later requests of the same customer meet the same desk or the one the parameters name.
    is_lasting : bool
        See ``desk``.
    team : {"none", "day_one", "staggered"}, optional
        Roll-out of the integrated team over sites. It brings its own desk, fewer handoffs and
        denials, rescue, promotions and messages about failures. With ``desk`` as well, that is
        who takes requests until the team is there.
    compensation : str, optional
        Offered to everyone on whom the provider cancels a service.
    friction : float or (float, float), optional
        Cancellation friction for everyone, or before and after the reform for consumers
        (everyone else stays at the first). ``is_friction_from_attempt`` makes it act from the
        first attempt on: how often people start trying is left as the parameters have it.
    is_friction_from_attempt : bool
        See ``friction``.
    monthly_notice : bool, optional
        True: everybody past the first term leaves by ``notice_days`` notice, whatever the date.
    denial : float, optional
        Probability that a request is denied: 0 never, 1 always.
    first_denial : float, optional
        The same for the first request under observation alone; later ones are as they are.
    alternative : float, optional
        Probability that a denial comes with an alternative.
    many_handoffs : float, optional
        Probability that a contact is handed on three times; the others are not at all. 0 removes
        handoffs, 1 forces three upon every contact.
    first_handoffs : float, optional
        The same for the first contact under observation alone.
    promotions, incident_messages, rescue : bool, optional
        False switches off what the parameters send. True sends: promotions at the team's rate to
        everyone; a message after every failure; the team's rescue of the aggrieved.
    first_message : bool, optional
        Whether the first failure under observation alone is followed by a message.
    remedy : {"at_refusal", "at_cancellation"}, optional
        When those denied get the same remedy: with the refusal, or upon asking to leave.
    first_remedy : bool, optional
        Whether the first denial under observation alone is made good within a week.
    direct_debits : {"high", "low"}, optional
        From the first bad rating on, the cost of switching of those with 3 or 4 direct debits, or
        with none or 1: everybody keeps the rank among them that he has among all.
    self_service : bool, optional
        Whether questions meet the bot first.
    announced_waits : {"silent", "accurate", "low"}, optional
        Whether waits are announced, and how truly.
    public_reply : {"public", "private", "none"}, optional
        How public complaints are answered.
    win_back_offers, mailings : bool, optional
        Whether leavers get an offer, and mail every month.
    word_of_mouth : bool, optional
        False: nobody hears of leavers.
    from_day : int
        First day on which rollouts, outreach and rules above act, counted from the window's
        start. Before it the world is the parameters' own.
    environment : Recorded, optional
        Load, outrage and words heard, replayed from another world: direct effects.

    Examples
    --------
    >>> World(desk="reactive").is_isolated
    False
    """

    desk: Desk | None = None
    is_lasting: bool = True
    team: Rollout | None = None
    compensation: Remedy | None = None
    friction: float | tuple[float, float] | None = None
    is_friction_from_attempt: bool = True
    monthly_notice: bool | None = None
    denial: float | None = None
    first_denial: float | None = None
    alternative: float | None = None
    many_handoffs: float | None = None
    first_handoffs: float | None = None
    promotions: bool | None = None
    incident_messages: bool | None = None
    rescue: bool | None = None
    first_message: bool | None = None
    remedy: Timing | None = None
    first_remedy: bool | None = None
    direct_debits: Cost | None = None
    self_service: bool | None = None
    announced_waits: Announced | None = None
    public_reply: Reply | None = None
    win_back_offers: bool | None = None
    mailings: bool | None = None
    word_of_mouth: bool | None = None
    from_day: int = 0
    environment: Recorded | None = field(default=None, repr=False)

    @property
    def is_isolated(self) -> bool:
        """Whether customers live in a recorded environment, so that effects are direct."""
        return self.environment is not None


@dataclass(frozen=True)
class WorldOutcome:
    """One row per customer: when what happened, in days from the window's start.

    Days are the simulated days on which something happened, as floats; ``inf`` stands for never
    within the window. Arrays have shape (n_customers,). A first life is the contract a customer
    is first watched under, a second life the one after coming back.

    Attributes
    ----------
    world : World
        What was forced.
    n_days, step_days : int
        Length of the window and of a step.
    entry_day : numpy.ndarray
        First day under observation: 0 for stock, the first day of the contract for newcomers,
        ``inf`` for those who never signed up.
    tenure_days : numpy.ndarray
        Days since sign-up at ``entry_day``; above 0 for stock only.
    go_live_day : numpy.ndarray
        When the team comes to the customer's site by the parameters' roll-out, whatever the world
        forces; ``inf`` if not within the window.
    first_contact_day, second_contact_day, first_request_day, first_denial_day : numpy.ndarray
        First and second contact, first ordinary request and first denied one, under observation.
    first_hang_up_day, first_failure_day, first_bad_rating_day : numpy.ndarray
        First time the customer gave up in the queue, first failure of the service, and first
        contact that was rated as bad.
    first_attempt_day, first_cancellation_day : numpy.ndarray
        First attempt to leave, and first request to leave that reached the provider.
    notice_day : numpy.ndarray
        When the provider gave notice of a cancelled service.
    first_post_day : numpy.ndarray
        First public complaint.
    exit_day, exit_cause : numpy.ndarray
        End of the first life, and why: an index into ``CAUSES`` (0 while it lasts).
    exit_grievance : numpy.ndarray
        Grievance on the day of the exit; nan without one.
    won_back_day, second_exit_day : numpy.ndarray
        Start and end of the second life.
    migrated_day : numpy.ndarray
        When the knob ``k_censor`` took the customer out of the records.
    n_contacts, n_contacts_month, n_denials : numpy.ndarray
        Contacts while observed, contacts within 30 days of the first failure, denials.
    dormant_share : numpy.ndarray, shape (n_steps,)
        Customers who want to leave and have not asked to, of all customers, step by step of the
        window.
    environment : Recorded
        What customers did to each other, for replays.
    """

    world: World
    n_days: int
    step_days: int
    entry_day: Days
    tenure_days: Days
    go_live_day: Days
    first_contact_day: Days
    second_contact_day: Days
    first_hang_up_day: Days
    first_request_day: Days
    first_denial_day: Days
    first_failure_day: Days
    first_bad_rating_day: Days
    first_attempt_day: Days
    first_cancellation_day: Days
    notice_day: Days
    first_post_day: Days
    exit_day: Days
    exit_cause: Integers
    exit_grievance: Floats
    won_back_day: Days
    second_exit_day: Days
    migrated_day: Days
    n_contacts: Integers
    n_contacts_month: Integers
    n_denials: Integers
    dormant_share: Floats
    environment: Recorded
