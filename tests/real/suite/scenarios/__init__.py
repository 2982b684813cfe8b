"""The scenarios, in the order in which they run. Each is a function of the suite that raises
`Failure`, and may return a note for the table."""

from . import (
    chain,
    client_go,
    doctor,
    examples,
    formats,
    gke_and_aks,
    helm,
    kubectl,
    kuberc,
    libraries,
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
    *kuberc.ALL,
    *helm.ALL,
    *names.ALL,
    *run.ALL,
    *client_go.ALL,
    # These end, and those of the libraries begin, with scenarios that run at the same time.
    *gke_and_aks.ALL,
    *libraries.ALL,
    *python_client.ALL,
    *reference_programs.ALL,
    *pulumi_cloud.ALL,
    *formats.ALL,
    *pulumi.ALL,
    *gke_and_aks.HEAVY,
    *older.ALL,
]
