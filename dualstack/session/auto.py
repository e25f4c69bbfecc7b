"""`--profile auto`: the profile that the survey speaks for. It is proposed aloud, or not at all."""

from dualstack.errors import UserError
from dualstack.profile import signs
from dualstack.profile.model import Profile, built_in
from dualstack.session.options import Options
from dualstack.survey.model import Survey

AUTO = "auto"
DEFAULT = "kubernetes"


def proposed(options: Options, survey: Survey) -> tuple[Options, str]:
    """Return the options with the profile that fits, and the facts that speak for it.

    Raises UserError with one line where none or several fit: a wrong guess would judge by wrong promises.
    """
    if "nodes" in survey.missing:
        raise UserError(f"--profile {AUTO}: {survey.missing['nodes']}: name a profile")
    kinds = {name: profile.signs for name, profile in built_in().items()}
    fit = signs.fitting(kinds, survey)
    if len(fit) != 1:
        what = f"several profiles fit, {', '.join(fit)}" if fit else "no built-in profile fits"
        choice = " or ".join(fit) if fit else f"{DEFAULT}, which judges what every cluster promises"
        raise UserError(f"--profile {AUTO}: {what} ({signs.seen(survey)}): choose {choice}")
    return options.model_copy(update={"profile": fit[0]}), signs.words(kinds[fit[0]], survey)


def doubts(named: str, profile: Profile, survey: Survey) -> str | None:
    """Return a hint where the survey speaks for another profile than the one that is used."""
    if profile.signs.hold(survey) or (profile.signs.is_empty and named != DEFAULT):
        return None
    kinds = {name: each.signs for name, each in built_in().items()}
    fit = signs.fitting(kinds, survey)
    if len(fit) == 1 and fit[0] != profile.name:
        return f"the survey speaks for --profile {fit[0]}: {signs.words(kinds[fit[0]], survey)}"
    missing = signs.words(profile.signs, survey, hold=False)
    return f"the survey speaks against profile {profile.name}, which has {missing}" if missing else None
