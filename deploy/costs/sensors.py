"""What sensors send: figures as data, each with its source, and the rate of events that follows from them. Pure."""

from dataclasses import dataclass

from deploy.costs.prices import fact

_HEARTBEATS = "https://support.disruptive-technologies.com/hc/en-us/articles/25998897839004"
_EVENTS = "https://docs.developer.disruptive-technologies.com/docs/concepts/events"
_BACKFILL = "https://support.disruptive-technologies.com/hc/en-us/articles/12707591585564"

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Sensors:
    """What a sensor sends, if you do not know better figures of your own."""

    heartbeat_s: float = fact(900, "s between two heartbeats: the shortest interval of most sensor types", _HEARTBEATS)
    network_events: float = fact(
        2, "networkStatus events with each reading, one for every Cloud Connector in range (assumed)", _EVENTS
    )
    triggered_per_day: float = fact(10, "times per day a sensor is touched, opened or passed (assumed)", _EVENTS)
    event_types: float = fact(4, "event types of a sensor whose latest event a sync sends again (assumed)", _EVENTS)
    gateway: float = fact(100, "sensors behind one Cloud Connector (assumed)", _BACKFILL)
    backfill_per_s: float = fact(1, "stored heartbeats per second from each sensor that comes back", _BACKFILL)

    @property
    def events_of_a_report(self) -> float:
        """One reading, and a networkStatus from each Cloud Connector that received it."""
        return 1 + self.network_events

    @property
    def events_per_s(self) -> float:
        """Events per second of one sensor, on average."""
        return (1 / self.heartbeat_s + self.triggered_per_day / DAY_S) * self.events_of_a_report


SENSORS = Sensors()
