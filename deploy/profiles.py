"""Two sizes of deployments, and what each sets, so that events cost as little as they can. Pure.

docs/scaling.md shows what a month costs with each, by the model in ``deploy.costs``; a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploy.costs.bill import GIB, Choices, Cost, bill
from deploy.costs.month import usage_of
from deploy.costs.prices import ENTRIES, PRICES
from deploy.costs.sensors import SENSORS
from deploy.spec import FUNCTION_DEFAULTS, SMALL_SENSORS, SMALL_SIZES, Spec, amount


@dataclass(frozen=True, slots=True)
class Profile:
    """What a size sets if no setting says otherwise. ``sizes``: those of the function. ``why``: in a sentence."""

    name: str
    why: str
    sizes: Mapping[str, str]
    log_delivered: str
    request_logs: str
    billing: str

    @property
    def choices(self) -> Choices:
        """What the cost of a month depends on."""
        return Choices(
            log_one_of=int(self.log_delivered),
            log_requests=self.request_logs == "all",
            billed_by_instance=self.billing == "instance",
            cpu=float(self.sizes["cpu"]),
            memory_gib=amount(self.sizes["memory"]) / GIB,
            is_shared=self.sizes["concurrency"] != "1",
        )


SMALL = Profile(
    "small",
    "a fifth of a processor is enough for one event at a time, and costs a fifth",
    SMALL_SIZES,
    log_delivered="1",
    request_logs="errors",
    billing="request",
)
"""For up to ``SMALL_SENSORS``. Cloud Run bills each request for 100 ms, of which an event needs a hundredth of CPU."""

LARGE = Profile(
    "large",
    "an instance is nearly always answering, so Cloud Run bills the instance and not each request; one of 100 "
    "delivered events has a log line, and the lines count all of them",
    {name: FUNCTION_DEFAULTS[name] for name in SMALL_SIZES},
    log_delivered="100",
    request_logs="errors",
    billing="instance",
)
"""For more sensors."""

BY_NAME = {profile.name: profile for profile in (SMALL, LARGE)}


def profile_for(sensors: int | None) -> Profile:
    """Return the profile for a number of sensors; the small one if it is not known."""
    return LARGE if sensors is not None and sensors > SMALL_SENSORS else SMALL


def chosen(spec: Spec, *, is_new: bool) -> Profile | None:
    """Return the profile that a plan applies: the one that is set, or for a new deployment that of its size.

    Return None for an existing deployment without one: it keeps what it has.
    """
    if spec.cost.profile is not None:
        return BY_NAME[spec.cost.profile]
    return profile_for(spec.cost.sensors) if is_new else None


def profile_of(choices: Choices) -> Profile | None:
    """Return the profile that a deployment with these choices is like; None if it is like none of them."""
    compared = replace(choices, subscriptions=Choices().subscriptions)
    return next((profile for profile in BY_NAME.values() if profile.choices == compared), None)


def fits(spec: Spec, profile: Profile) -> bool:
    """Return whether the sizes of a profile fit the settings that are given; those of the large one always do."""
    if profile is LARGE:
        return True
    given = ((name, spec.function.get(name)) for name in ("cpu", "memory", "concurrency"))
    is_fitting = all(value is None or value == profile.sizes[name] for name, value in given)
    return is_fitting and (spec.cost.billing or profile.billing) == "request"


def with_profile(spec: Spec, profile: Profile) -> Spec:
    """Return the spec with the settings of a profile, except where a setting is given.

    A given processor, memory, concurrency or billing would not fit the sizes of the small profile, so those of the
    large one take their place. What a new deployment has anyway is set only if the profile is.
    """
    billing = spec.cost.billing or profile.billing
    sizes = profile.sizes if fits(spec, profile) else LARGE.sizes
    is_set = spec.cost.profile is not None
    variables = {"LOG_DELIVERED": profile.log_delivered} if is_set or profile.log_delivered != "1" else {}
    cost = replace(
        spec.cost,
        request_logs=spec.cost.request_logs or profile.request_logs,
        billing=billing if is_set or billing != "request" else spec.cost.billing,
    )
    return replace(spec, function={**sizes, **spec.function}, settings={**variables, **spec.settings}, cost=cost)


def usual_sizes(cpu: str | None) -> Mapping[str, str]:
    """Return the sizes of the profile whose functions have so many processors; else those of the large one."""
    return {**FUNCTION_DEFAULTS, **(SMALL.sizes if cpu == SMALL.sizes["cpu"] else {})}


def cost_of(per_s: float, choices: Choices, kept: int = 0) -> Cost:
    """Return the cost of a month. ``per_s``: events per second; ``kept``: minimum instances."""
    return bill(usage_of(per_s, kept, is_shared=choices.is_shared), choices, PRICES, ENTRIES)


def events_per_s(sensors: int, *, with_network_status: bool = True) -> float:
    """Return the events per second of so many sensors, on average."""
    sensor = SENSORS if with_network_status else replace(SENSORS, network_events=0)
    return sensors * sensor.events_per_s
