"""Stand-ins for both clouds on this machine, for the real ``gcloud`` and the real ``disruptive`` package.

They answer under the real URLs, which programs reach through a proxy::

    with clouds() as sky:
        subprocess.run(["gcloud", "pubsub", "topics", "create", "t"], env=sky.environ)
        sky.log.changes()
        sky.faults.fail(503, host="iam.googleapis.com", times=2)
        sky.google.estate.denied.add("pubsub.topics.create")

================  =================================================================  ============
``clouds``        starts both clouds; the environment by which programs reach them   this machine
``rehearsal``     ``make rehearse``: up, verify, up again, down                      this machine
``proxy``         an HTTPS proxy that answers for the emulated hosts, and no others  a port
``authority``     a certificate authority for the emulated hosts                     a folder
``google``        Google's control plane                                             this machine
``dt``            Disruptive Technologies' cloud                                     this machine
``exchange``      an HTTP request, its answer, and routes to handlers                nothing
``field_masks``   applies the field mask of an update                                nothing
``faults``        faults on demand: answers, lost answers, delays                    nothing
``requests_log``  the requests that the clouds got                                   nothing
================  =================================================================  ============

The texts of refusals are from memory, so they may differ from those of the real clouds.
"""

from tests.emulators.clouds.clouds import Clouds, clouds

__all__ = ["Clouds", "clouds"]
