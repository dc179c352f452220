"""`kubeserve completion`: what makes a shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PLACES = {
    "bash": """put `eval "$(kubeserve completion bash)"` into ~/.bashrc""",
    "zsh": """put `eval "$(kubeserve completion zsh)"` into ~/.zshrc, below `compinit`""",
    "fish": "run `kubeserve completion fish > ~/.config/fish/completions/kubeserve.fish`",
}
VARIABLE = "_KUBESERVE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(list(PLACES)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    r"""Print the script that makes a shell complete commands, options and the names of models.

    \b
    eval "$(kubeserve completion bash)"         # in ~/.bashrc
    eval "$(kubeserve completion zsh)"          # in ~/.zshrc, below compinit
    kubeserve completion fish > ~/.config/fish/completions/kubeserve.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(f"# To have it in every shell, {PLACES[shell]}.")
    click.echo(found(ctx.find_root().command, {}, "kubeserve", VARIABLE).source())
