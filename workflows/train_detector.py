"""`train-detector`: from labelled images to a published, answering detector."""

from typing import Literal

from hera.workflows import DAG, Artifact, ClusterWorkflowTemplate, Parameter, S3Artifact
from hera.workflows import models as m
from pydantic import Field

from steps.contract import Duration, Model
from steps.deploy.contract import DEPLOY
from steps.evaluate.contract import EVALUATE
from steps.export.contract import EXPORT
from steps.ingest.contract import INGEST
from steps.probe.contract import PROBE
from steps.publish.contract import PUBLISH
from steps.report.contract import REPORT
from steps.resize.contract import RESIZE
from steps.split.contract import SPLIT
from steps.train.contract import TRAIN
from workflows.argo.manifest import TITLE, conduct
from workflows.argo.site import Site
from workflows.argo.template import DESCRIPTION, RECORDS_KEY, RUN_KEY
from workflows.argo.wiring import As, Wiring, connect, kept, option

VERSION = "0.1.0"


class Options(Model):
    """Train a detector on labelled images, score what is exported, publish it, and tell all in a report.

    Images come from a zip, a folder or a bucket; `resize`, `device` and `deploy` choose the branches.
    """

    resize: bool = False
    """Shrink images to `max-width` first."""

    device: Literal["auto", "gpu", "cpu"] = "auto"
    """Where to train. `auto` takes a GPU if a node with one can be had within `gpu-timeout`, else the CPU; `gpu` fails without one."""

    gpu_timeout: Duration = "12m"
    """Longest wait for a GPU node, which an autoscaler may have to start first. A local run waits only for a GPU that the machine has."""

    deploy: bool = False
    """Serve the published version and ask it for an answer."""

    reuse: bool = True
    """Take the result of an earlier run for training, export and evaluation where nothing that they depend on has changed."""

    seed: int = Field(default=0, ge=0)
    """Seed of the split, the weights, the order of images and their augmentation."""

    workers: int = Field(default=0, ge=0)
    """Processes of a step that read, resize, load or score images; fewer need less memory. 0: each step chooses, by its cores."""


def build(site: Site) -> ClusterWorkflowTemplate:
    """Return the `train-detector` template for `site`."""
    wiring = Wiring(site, Options, owners={"registry": PUBLISH, "model_name": PUBLISH})
    with ClusterWorkflowTemplate(
        name="train-detector",
        entrypoint="main",
        on_exit="exit",
        workflow_metadata=m.WorkflowMetadata(annotations=_labels()),
        synchronization=m.Synchronization(mutexes=[m.Mutex(name=f"train-detector-{option('model-name')}")]),
        **conduct(site, title="Train a detector", options=Options, version=VERSION),
    ) as workflow:
        resize = _resize(wiring)
        device = _device(wiring)
        train = _train(wiring)
        _main(wiring, resize, device, train)
        _exit(wiring)
        workflow.arguments = wiring.parameters()
    return workflow


def _labels() -> dict[str, str]:
    """Say in the list of runs what each one is about, and where its data, its model and its report are."""
    lines = (
        f"Data: `{option('source')}`",
        f"Model: `{option('registry')}/{option('model-name')}`",
        "Report: artifact `report` of the node `report`; with `deploy`, the address of the service is an output of the node `deploy`.",
    )
    return {TITLE: f"Train {option('model-name')}", DESCRIPTION: "\n\n".join(lines)}


def _main(wiring: Wiring, resize: DAG, device: DAG, train: DAG) -> None:
    with DAG(name="main", annotations={DESCRIPTION: "The way from source to detector."}):
        ingest = wiring.call(INGEST)
        prepare = connect(resize, name="resize", arguments=[ingest.get_artifact("dataset")])
        dataset = prepare.get_artifact("dataset")
        split = wiring.call(SPLIT, dataset=dataset)
        splits = split.get_artifact("splits")
        choice = connect(
            device, name="device", arguments=[Parameter(name="device", value=option("device"))], after=[split]
        )
        fit = connect(train, name="train", arguments=[choice.get_parameter("device"), dataset, splits])
        checkpoint = fit.get_artifact("checkpoint")
        export = wiring.call(EXPORT, checkpoint=checkpoint, dataset=dataset, splits=splits)
        model = export.get_artifact("model")
        evaluate = wiring.call(EVALUATE, model=model, dataset=dataset, splits=splits)
        publish = wiring.call(
            PUBLISH,
            model=model,
            metrics=evaluate.get_artifact("metrics"),
            checkpoint=checkpoint,
            data_digest=ingest.get_parameter("digest"),
            listing=ingest.get_parameter("listing"),
            source=option("source"),
            run="{{workflow.name}}",
            parameters="{{workflow.parameters.json}}",
        )
        wiring.call(
            DEPLOY,
            As(when=f"'{option('deploy')}' == 'true'", account=wiring.site.deployer_account),
            version=publish.get_parameter("version"),
            image=wiring.site.image("serve"),
            store_secret=wiring.site.store_secret,
            **wiring.site.gpu.for_servers(),
        )


def _resize(wiring: Wiring) -> DAG:
    # A nested DAG, because only a DAG's output may choose between what a task made and what came in.
    with DAG(
        name="maybe-resize",
        annotations={DESCRIPTION: "Shrink the images if `resize` is true; else pass them on."},
        inputs=[Artifact(name="dataset")],
        outputs=[
            Artifact(
                name="dataset",
                from_expression=(
                    "tasks.run.status == 'Succeeded' ? tasks.run.outputs.artifacts.dataset : inputs.artifacts.dataset"
                ),
            )
        ],
    ) as dag:
        asked = f"'{option('resize')}' == 'true'"
        wiring.call(RESIZE, As(name="run", when=asked), dataset=dag.get_artifact("dataset"))
    return dag


def _device(wiring: Wiring) -> DAG:
    # Two tasks, because `continueOn` takes no parameter: without a GPU `auto` goes on, `gpu` fails and its node says why.
    with DAG(
        name="choose-device",
        annotations={DESCRIPTION: "Choose where to train: a probe that gets a GPU node in time means `gpu`."},
        inputs=[Parameter(name="device")],
        outputs=[
            Parameter(
                name="device",
                value_from=m.ValueFrom(
                    expression="inputs.parameters.device == 'gpu' || tasks.auto.status == 'Succeeded' ? 'gpu' : 'cpu'"
                ),
            )
        ],
    ) as dag:
        timeout, given = option("gpu-timeout"), "'{{inputs.parameters.device}}'"
        auto = wiring.call(PROBE, As(name="auto", timeout=timeout, when=f"{given} == 'auto'"))
        auto.continue_on = m.ContinueOn(failed=True, error=True)
        wiring.call(PROBE, As(name="gpu-within-timeout", timeout=timeout, when=f"{given} == 'gpu'"))
    return dag


def _train(wiring: Wiring) -> DAG:
    with DAG(
        name="train",
        annotations={DESCRIPTION: "Train on the device that was chosen."},
        inputs=[Parameter(name="device"), Artifact(name="dataset"), Artifact(name="splits")],
        outputs=[
            Artifact(
                name="checkpoint",
                from_expression=(
                    "tasks.gpu.status == 'Succeeded' ? tasks.gpu.outputs.artifacts.checkpoint"
                    " : tasks.cpu.outputs.artifacts.checkpoint"
                ),
            )
        ],
    ) as dag:
        for device, size in (("gpu", "gpu"), ("cpu", TRAIN.size)):
            chosen = f"'{{{{inputs.parameters.device}}}}' == '{device}'"
            wiring.call(
                TRAIN,
                As(name=device, template=f"train-{device}", size=size, when=chosen),
                device=device,
                state=wiring.site.url(f"{RUN_KEY}/state/train"),
                dataset=dag.get_artifact("dataset"),
                splits=dag.get_artifact("splits"),
            )
    return dag


def _exit(wiring: Wiring) -> None:
    with DAG(name="exit", annotations={DESCRIPTION: "Report, after success and failure alike."}):
        wiring.call(
            REPORT,
            run="{{workflow.name}}",
            status="{{workflow.status}}",
            failures="{{workflow.failures}}",
            parameters="{{workflow.parameters.json}}",
            duration="{{workflow.duration}}",
            records=S3Artifact(name="records", key=RECORDS_KEY, optional=True),
            intake=kept(INGEST, "intake"),
            splits=kept(SPLIT, "splits"),
            duplicates=kept(SPLIT, "duplicates"),
            checkpoint=kept(TRAIN, "checkpoint"),
            metrics=kept(EVALUATE, "metrics"),
            published=kept(PUBLISH, "published"),
            answer=kept(DEPLOY, "answer"),
        )
