"""The README's example of growth runs, and growing helps."""

import re

from reference import REPOSITORY


def test_the_growth_example_runs(capsys):
    code = re.findall(
        r"^```python\n(.*?)^```$", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    first = next(block for block in code if "problems.Lipschitz.generate" in block)
    example = next(block for block in code if "growth.add_models" in block)
    opening = first[: first.index("laws = ")]
    names = {}
    exec(opening + example, names)
    assert len(capsys.readouterr().out.splitlines()) == 2
    problem = names["problem"]
    gaps = [problem.suboptimality(names[stage].federated.policy(problem.lam)).value for stage in ("wider", "grown")]
    assert gaps[1] < gaps[0] < problem.suboptimality(names["trained"].federated.policy(problem.lam)).value
    assert names["grown"].federated.n_models == 3
    assert names["grown"].clients == {0, 1, 2, 3, 4}
