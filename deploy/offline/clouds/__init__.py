"""Both clouds on this machine: what the real ``gcloud`` and the real ``disruptive`` package need, under the real URLs.

with clouds() as sky:
    subprocess.run(["gcloud", "pubsub", "topics", "create", "t"], env=sky.environ)
    sky.log.changes()
    sky.faults.fail(503, host="iam.googleapis.com", times=2)
    sky.google.estate.denied.add("pubsub.topics.create")

clouds        everything started and wired; the variables by which programs find it
authority     certificates for the hosts played
proxy         the way in, by ``https_proxy``; refuses every host it does not play
exchange      a request, an answer, routes
field_masks   which fields an update is about
faults        what goes wrong on demand
requests_log  what was asked
google/       Google's control plane
dt/           Disruptive Technologies' cloud
rehearsal     ``make rehearse``: the whole deploy, there and back

Sentences of refusals are from memory: a first deploy to the real clouds stays necessary.
"""

from deploy.offline.clouds.clouds import Clouds, clouds

__all__ = ["Clouds", "clouds"]
