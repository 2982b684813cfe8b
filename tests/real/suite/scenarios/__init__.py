"""The scenarios, in the order in which they run. Each is a function of the suite that raises
`Failure`, and may return a note for the table."""

from . import (
    chain,
    client_go,
    doctor,
    examples,
    formats,
    helm,
    kube_rs,
    kubectl,
    names,
    older,
    pulumi,
    pulumi_cloud,
    python_client,
    reference_programs,
    run,
)

ALL = [
    *chain.ALL,
    *doctor.ALL,
    *examples.ALL,
    *kubectl.ALL,
    *helm.ALL,
    *names.ALL,
    *run.ALL,
    *client_go.ALL,
    *kube_rs.ALL,
    *python_client.ALL,
    *reference_programs.ALL,
    *pulumi_cloud.ALL,
    *formats.ALL,
    *pulumi.ALL,
    *older.ALL,
]
