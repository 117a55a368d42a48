"""Settings from the environment, the file and the defaults, in this order."""

import os
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from platformdirs import user_config_path, user_data_path

from memory_editor.config import CONFIG_VARIABLE, Settings, config_path
from memory_editor.errors import ConfigError
from memory_editor.scope.files import MAX_FALSE_ACCEPT


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("MEMEDIT_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "config.toml"
    path.write_text("")
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    return path


def test_the_defaults() -> None:
    settings = Settings.load()
    assert settings == Settings()
    assert settings.memory == str(user_data_path("memedit") / "memory.db")
    assert (settings.namespace, settings.model, settings.encoder) == ("default", "smollm2-135m", "all-minilm-l6-v2")
    assert (settings.device, settings.dtype, settings.scope, settings.actor) == (None, None, None, None)
    assert settings.max_false_accept == MAX_FALSE_ACCEPT == 0.03


def test_the_file_goes_before_the_defaults_and_the_environment_before_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('model = "gemma"\nactor = "Zoë"\n', encoding="utf-8")
    monkeypatch.setenv("MEMEDIT_MODEL", "gpt2")
    monkeypatch.setenv("MEMEDIT_MEMORY", "here.db")
    assert Settings.load() == Settings(model="gpt2", memory="here.db", actor="Zoë")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().model = "gpt2"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model =", 'cannot be read: Invalid value (at end of document); it must be TOML, e.g. model = "smollm2-135m"'),
        (
            'modell = "gpt2"',
            f": unknown setting 'modell'; known are {', '.join(field.name for field in fields(Settings))}",
        ),
    ],
)
def test_a_bad_file_is_named(file: Path, content: str, message: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert str(caught.value).startswith(repr(str(file)))
    assert str(caught.value).endswith(message)


def test_a_file_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read: 'utf-8' codec can't decode byte 0xff"):
        Settings.load()


@pytest.mark.parametrize(("content", "value"), [("model = 5", "5"), ('model = ""', "''"), ("model = ['a']", "['a']")])
def test_a_setting_must_be_text(file: Path, content: str, value: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert str(caught.value) == f"setting 'model' must be a text that is not empty, got {value}"


def test_a_share_is_a_number_in_the_file_and_in_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('max_false_accept = 0.002\nscope = "mine"')
    assert Settings.load() == Settings(max_false_accept=0.002, scope="mine")
    monkeypatch.setenv("MEMEDIT_MAX_FALSE_ACCEPT", "0.05")
    assert Settings.load().max_false_accept == 0.05


@pytest.mark.parametrize("value", ["0", "1", "-0.1", "nan", "inf", "1 %", "", True, None, [0.1]])
def test_a_share_lies_between_0_and_1(value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(max_false_accept=value)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"setting 'max_false_accept' must be a number between 0 and 1, e.g. 0.01, got {value!r}"
    )


def test_an_empty_variable_is_refused_rather_than_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMEDIT_ENCODER", " ")
    with pytest.raises(ConfigError, match="setting 'encoder' must be a text that is not empty, got ' '"):
        Settings.load()


def test_a_file_that_the_variable_names_must_exist(file: Path) -> None:
    file.unlink()
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert str(caught.value) == f"MEMEDIT_CONFIG names {str(file)!r}, which does not exist; make the file or unset it"


def test_the_usual_file_need_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE)
    assert config_path() == user_config_path("memedit") / "config.toml"
    monkeypatch.setattr("memory_editor.config.user_config_path", lambda _: tmp_path / "nowhere")
    assert config_path() == tmp_path / "nowhere" / "config.toml"
    assert Settings.load() == Settings()
