"""`retrain`: train on every data set that no version of its model was trained on, and only then."""

from typing import Any

from hera.workflows import DAG, ClusterWorkflowTemplate, CronWorkflow, Parameter, Resource, Task
from hera.workflows import models as m

from steps.contract import Model
from steps.watch.contract import WATCH
from workflows.argo.manifest import conduct
from workflows.argo.site import Site
from workflows.argo.template import DESCRIPTION
from workflows.argo.wiring import Wiring, option

VERSION = "0.1.0"
NAME = "retrain"
TRAINING = "train-detector"
"""Alias of the template that does the training."""

START_MANIFEST = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: {{{{inputs.parameters.run}}}}
  labels:
    app.kubernetes.io/part-of: argosight
    workflows.argoproj.io/cluster-workflow-template: {TRAINING}
spec:
  workflowTemplateRef:
    name: {TRAINING}
    clusterScope: true
  arguments:
    parameters: {{{{inputs.parameters.parameters}}}}
"""


class Options(Model):
    """Train on data sets that no version of their model was trained on; say so where there is none.

    The same check serves the clock, an upload and a person: each training is named by its data set's content, so that
    two of them that ask for the same get one run.
    """


def build(site: Site) -> ClusterWorkflowTemplate:
    """Return the `retrain` template for `site`."""
    wiring = Wiring(site, Options)
    with ClusterWorkflowTemplate(
        name=NAME,
        entrypoint="main",
        # Checks of one data set wait for each other: of a burst of uploads, the last check finds nothing new.
        synchronization=m.Synchronization(mutexes=[m.Mutex(name=f"{NAME}-{option('source')}")]),
        **conduct(site, title="Retrain on new data", options=Options, version=VERSION),
    ) as workflow:
        start = _start(site)
        with DAG(name="main", annotations={DESCRIPTION: "Look for new data, and start a training for each data set."}):
            watch = wiring.call(WATCH)
            Task(
                name="start",
                template=start,
                depends=watch.name,
                with_param="{{tasks.watch.outputs.parameters.trainings}}",
                arguments=[Parameter(name=name, value=f"{{{{item.{name}}}}}") for name in ("run", "parameters")],
            )
        workflow.arguments = wiring.parameters()
    return workflow


def schedule(site: Site) -> CronWorkflow:
    """Return the CronWorkflow that runs `retrain` for `site`."""
    spec: dict[str, Any] = {
        "schedules": list(site.retrain.schedules),
        "timezone": site.retrain.timezone,
        # A check that still waits for its trainings makes the next one superfluous.
        "concurrency_policy": "Forbid",
        # A controller that was away for a while makes up for the last check that it missed.
        "starting_deadline_seconds": 3600,
        "successful_jobs_history_limit": 3,
        "failed_jobs_history_limit": 3,
    }
    return CronWorkflow(
        name=NAME,
        workflow_template_ref=m.WorkflowTemplateRef(name=NAME, cluster_scope=True),
        labels={"app.kubernetes.io/part-of": "argosight"},
        annotations={DESCRIPTION: "Trains on every data set that is new or changed; events that were missed included."},
        **spec,
    )


def _start(site: Site) -> Resource:
    return Resource(
        name="start",
        annotations={DESCRIPTION: "Start a training, or join the one of the same data, and wait for its end."},
        # Not `create`: the run of this very content may be there already, started by an upload a moment ago.
        action="apply",
        manifest=START_MANIFEST,
        success_condition="status.phase == Succeeded",
        failure_condition="status.phase in (Failed, Error)",
        inputs=[
            Parameter(name="run", description="Name of the run."),
            Parameter(name="parameters", description="Its parameters, as a JSON list of names and values."),
        ],
        service_account_name=site.submitter_account,
    )
