"""A YAML file beside a recording says how its voice speaks; a wrong one is named and stops nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.tts import SynthesizeVoice

from tests.client import PATIENCE, describe, plain
from tests.http_serving import http
from tests.serving import Running, serving, until
from tests.test_voices import look, names, record
from wyoming_chatterbox.engine import Sampling
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.text.items import Say
from wyoming_chatterbox.text.pipeline import each
from wyoming_chatterbox.voices.catalogue import Catalogue
from wyoming_chatterbox.voices.folder import VoicesFolder
from wyoming_chatterbox.voices.languages import Languages
from wyoming_chatterbox.voices.naming import make_catalogue
from wyoming_chatterbox.voices.profile import KEYS, MAX_BYTES, Profile, profile_of, read_profile, write_profile
from wyoming_chatterbox.voices.profiles import FoundProfile
from wyoming_chatterbox.voices.recordings import Recording
from wyoming_chatterbox.voices.voice import NamedVoice, Style


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the recordings of alice and bob."""
    folder = tmp_path / "voices"
    for name in ("alice", "bob"):
        record(folder / f"{name}.wav")
    return folder


def put(folder: Path, **profiles: str) -> None:
    """Write profiles, by the name of the file with `_` for `-`."""
    for name, content in profiles.items():
        (folder / f"{name.replace('_', '-')}.yaml").write_text(content)


async def seen(folder: Path, *languages: str, wanted: tuple[str, ...] = ()) -> Catalogue:
    voices = VoicesFolder(folder, lambda: languages or ("en",), lambda: ENGLISH.prompt, "default", wanted=wanted)
    return await look(voices)


async def say(running: Running, name: str, text: str = "Hello.") -> float:
    """Speak in a voice; return the seconds of sound."""
    heard = await plain(running.uri, text, SynthesizeVoice(name))
    assert heard.error is None
    return heard.seconds


# The file


text_of_yaml = st.text(st.sampled_from("ab:[]{}#&*!|>-?,'\"%@`~0123456789.e+_ \n\t<=") | st.characters(), max_size=60)
keys = st.sampled_from([*KEYS, "speeed", "1", "null", "!!int", "? [a]", "<<"])
values = text_of_yaml | st.sampled_from(
    [
        "!!int x",
        "!!bool maybe",
        "!!timestamp x",
        "2001-13-41",
        "0x" + "f" * 9000,
        "9" * 5000,
        "1:" * 400 + "1.5",
        "[" * 2000,
        "*a",
        "&a [*a]",
        "!!python/object:os.system {}",
        ".nan",
        ".inf",
        "-.inf",
        "no",
        "{a: b}",
    ]
)


@pytest.mark.slow(3)
@given(st.lists(st.tuples(keys, values), max_size=4) | text_of_yaml | st.binary(max_size=60))
def test_any_content_is_a_profile_or_named(
    tmp_path_factory: pytest.TempPathFactory, content: list[tuple[str, str]] | str | bytes
) -> None:
    if isinstance(content, list):
        content = "\n".join(f"{key}: {value}" for key, value in content)
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(read_profile(path), Profile)
    except VoiceError as err:
        assert str(err).isprintable()


shown_text = st.text(
    st.characters(categories=["L", "N", "P", "S", "M"]) | st.just(" "), min_size=1, max_size=20
).filter(lambda text: text.strip() != "" and text.isprintable())
neat = shown_text.map(lambda text: " ".join(text.split()))


@given(
    st.builds(
        Profile,
        label=st.none() | neat,
        recording=st.none() | neat.map(lambda name: f"{name.replace('/', '_')}.wav"),
        language=st.none() | st.sampled_from(MULTILINGUAL_LANGUAGES),
        style=st.builds(
            Style,
            exaggeration=st.none() | st.floats(0, 2),
            cfg_weight=st.none() | st.floats(0, 1),
            temperature=st.none() | st.floats(0.05, 5),
            seed=st.none() | st.integers(0, 2**32 - 1),
            speed=st.none() | st.floats(0.25, 4),
            loudness=st.none() | st.floats(-40, -10),
            sentence_pause=st.none() | st.floats(0, 10),
        ),
        aliases=st.lists(neat, max_size=4).map(tuple),
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, profile: Profile) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    write_profile(path, profile)
    assert read_profile(path) == profile


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("speed: fast", "speed can't be 'fast': it takes a number from 0.25 to 4"),
        ("speed: 9", "speed can't be '9': it takes a number from 0.25 to 4"),
        ("exaggeration: yes", "exaggeration can't be 'True': it takes a number from 0 to 2"),
        ("sped: 1", "it has a key 'sped' that there is not; there are: label, recording, language, exaggeration"),
        ("language: tlh", "language can't be 'tlh': it takes one of ar, da, de"),
        ("recording: ../../etc/passwd", "recording can't be '../../etc/passwd': it takes the name of a recording"),
        ("- a list", "it must hold keys and values, such as 'speed: 0.9'"),
        ('label: "drow\\u202eover"', "label can't be 'drow\\u202eover': it takes a text of at most 100 characters"),
        ("label: [", "it is no YAML"),
        ("label: &a x\naliases: [*a]", "references (*name) are not taken"),
        (f"seed: {'9' * 5000}", "it is no YAML"),
        (f"seed: 0x{'f' * 9000}", "seed can't be a number of that size: it takes a whole number"),
        (f"label: {'x' * MAX_BYTES}", "it is over 65536 bytes long"),
        ("label: !!int x", "it is no YAML"),
    ],
)
async def test_a_wrong_profile_is_named_and_the_voice_stays(
    folder: Path, content: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(folder, alice=content)
    async with http(folder.parent) as server:
        assert await server.running.service.voices.refresh(PATIENCE)
        info = (await server.get("/info"))[1]
        assert list(info["broken_recordings"]) == ["alice.yaml"]
        assert reason in info["broken_recordings"]["alice.yaml"]
        assert caplog.text.count(f"The profile alice.yaml: {info['broken_recordings']['alice.yaml']}") == 1
        await say(server.running, "alice")
        assert server.running.chatterbox.said[-1].voice.recording == folder / "alice.wav"
        assert server.running.chatterbox.said[-1].sampling == Sampling()


async def test_files_that_are_no_files_are_named_and_nothing_hangs(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")
    (folder / "nowhere.yaml").symlink_to("nothing")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "endless.yaml").symlink_to("/dev/zero")
    (folder / "two\nlines.yaml").write_text("speed: 1")
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(10**9)
    (folder / "._alice.yaml").write_bytes(b"\0\5\26\7")
    (folder.parent / "elsewhere").write_text("speed: 0.5")
    (folder / "bob.yaml").symlink_to("../elsewhere")
    found = await seen(folder)
    assert names(found) == ["default", "alice", "bob"]
    assert found.find("bob").style == Style(speed=0.5)
    assert {name: reason.split(":")[0] for name, reason in found.broken.items()} == {
        "pipe.yaml": "it is no file",
        "nowhere.yaml": "it can't be read",
        "loop.yaml": "it can't be read",
        "endless.yaml": "it is no file",
        "'two\\nlines.yaml'": "its name has characters that can't be shown",
        "huge.yaml": "it is over 65536 bytes long, which is too much for a profile",
    }


async def test_only_profiles_that_changed_are_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, alice="speed: 0.5", bob="speed: wrong")
    voices = VoicesFolder(folder, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    first = await look(voices)
    opened: list[str] = []
    usual = Path.open

    def counted(self: Path, *args: Any, **options: Any) -> Any:
        opened.append(self.name)
        return usual(self, *args, **options)

    monkeypatch.setattr(Path, "open", counted)
    assert await look(voices) is first
    put(folder, bob="speed: 0.75")
    assert (await look(voices)).find("bob").style == Style(speed=0.75)
    assert opened == ["bob.yaml"] * len(opened)


async def test_the_list_of_pronunciations_may_lie_in_the_folder(folder: Path) -> None:
    path = folder / "words.yaml"
    path.write_text("IKEA: ee kay ah")
    async with serving(folder.parent, "--pronunciations", str(path)) as running:
        assert running.service.voices.catalogue.broken == {}
        assert names(running.service.voices.catalogue) == ["default", "alice", "bob"]


# Which voice it is for


async def test_a_profile_beside_a_recording_is_for_its_voice(folder: Path) -> None:
    put(folder, alice="label: Alice Miller\nlanguage: nb\nspeed: 0.9\nseed: 7\naliases: [mum, Al]")
    for languages, name in ((("en",), "alice"), (("en", "no"), "alice-no")):
        found = await seen(folder, *languages)
        assert found.broken == {}
        voice = found.find("mum", languages[-1])
        assert voice == NamedVoice(
            name,
            languages[-1],
            folder / "alice.wav",
            voice.version,
            label="Alice Miller",
            stem="alice",
            style=Style(speed=0.9, seed=7),
            aliases=("mum", "Al"),
            recorded_language="no",
        )
        assert found.find("bob").style == Style()


async def test_a_profile_of_another_style_is_a_voice_of_the_same_recording(folder: Path) -> None:
    put(folder, alice="language: de\nspeed: 0.9", alice_calm="recording: alice.wav\nexaggeration: 0.2")
    found = await seen(folder, "de", "en")
    assert names(found)[2:] == ["alice-calm-de", "alice-calm-en", "alice-de", "alice-en", "bob-de", "bob-en"]
    calm, alice = found.find("alice-calm"), found.find("alice")
    # Engines keep prepared voices by recording and version.
    assert (calm.recording, calm.version) == (alice.recording, alice.version)
    assert (calm.style, alice.style) == (Style(exaggeration=0.2), Style(speed=0.9))
    # The language is that of the recording, whichever profile says it.
    assert calm.recorded_language == alice.recorded_language == "de"
    assert (calm.label, alice.label) == ("alice-calm", "alice")


async def test_one_preparation_serves_all_styles_of_a_recording(folder: Path) -> None:
    put(folder, alice_calm="recording: alice.wav\nexaggeration: 0.2")
    async with serving(folder.parent) as running:
        running.preparation.start()
        await until(lambda: len(running.chatterbox.voices) == 2)
        assert {voice.recording for voice in running.chatterbox.voices} == {folder / "alice.wav", folder / "bob.wav"}


async def test_a_profile_without_a_recording_is_the_models_own_voice(folder: Path) -> None:
    put(folder, narrator="label: Narrator\nspeed: 0.8", default="label: House\nspeed: 1.1\naliases: [house]")
    found = await seen(folder, "de", "en")
    assert names(found)[:2] == ["default-de", "default-en"]
    for name, label, speed in (("narrator", "Narrator", 0.8), ("default", "House", 1.1), ("HOUSE", "House", 1.1)):
        for language in ("de", "en"):
            voice = found.find(name, language)
            assert (voice.recording, voice.language, voice.label) == (None, language, label)
            assert voice.style == Style(speed=speed)


async def test_a_profile_of_one_language_comes_before_that_of_all(folder: Path) -> None:
    record(folder / "bob-de.wav")
    put(
        folder,
        alice="label: Alice\nspeed: 0.9\nseed: 1\naliases: [mum]",
        alice_de="speed: 0.7\naliases: [mutti]",
        bob="label: Bob\nlanguage: en\nspeed: 0.9",
        bob_de="seed: 2",
        default_de="label: Kiste",
        narrator="speed: 0.5",
        narrator_de="seed: 3",
        poet_de="seed: 4",
    )
    found = await seen(folder, "de", "en")
    assert found.broken == {}
    told = {voice.name: (voice.label, voice.style.speed, voice.style.seed) for voice in found.voices}
    assert told == {
        "default-de": ("Kiste", None, None),
        "default-en": ("Chatterbox", None, None),
        "alice-de": ("Alice", 0.7, 1),
        "alice-en": ("Alice", 0.9, 1),
        "bob-de": ("Bob", 0.9, 2),
        "bob-en": ("Bob", 0.9, None),
        "narrator-de": ("narrator", 0.5, 3),
        "narrator-en": ("narrator", 0.5, None),
        "poet-de": ("poet", None, 4),
    }
    # What alice.wav and bob.wav hold says nothing of bob-de.wav.
    assert (found.find("bob-de").recorded_language, found.find("bob-en").recorded_language) == ("de", "en")
    assert found.find("mutti").name == "alice-de"
    assert found.find("mum-de").name == "alice-de"
    assert found.find("mum").name == "alice-en"


async def test_a_profile_of_all_languages_is_for_recordings_of_one(folder: Path) -> None:
    record(folder / "carl-de.wav")
    record(folder / "carl-fr.wav")
    put(folder, carl="label: Carl\nspeed: 0.9", carl_fr="speed: 1.5")
    found = await seen(folder, "de", "en", "fr")
    assert found.broken == {}
    carls = [voice for voice in found.voices if voice.name.startswith("carl")]
    assert [(voice.name, voice.label, voice.style.speed) for voice in carls] == [
        ("carl-de", "Carl", 0.9),
        ("carl-fr", "Carl", 1.5),
    ]


async def test_profiles_for_languages_that_are_not_offered_are_named(folder: Path) -> None:
    record(folder / "carl-fr.wav")
    put(folder, alice_fr="speed: 0.9", carl_fr="speed: 0.9", poet_fr="speed: 0.9", alice_ja="speed: 0.9")
    found = await seen(folder, "de", "en", "fr", wanted=("de",))
    assert names(found) == ["default-de", "alice-de", "bob-de"]
    limited = "it is for fr, and the languages offered are de (--languages)"
    assert found.broken == {
        "alice-fr.yaml": limited,
        "alice-ja.yaml": "it is for ja, and the model speaks de, en, fr",
        "carl-fr.wav": limited,
        "carl-fr.yaml": "its recording carl-fr.wav can't be used",
        "poet-fr.yaml": limited,
    }


async def test_a_profile_matches_its_recording_without_case_unless_another_does_with(folder: Path) -> None:
    record(folder / "Bob2.wav")
    (folder / "ALICE.yml").write_text("speed: 0.5")
    (folder / "BOB.yaml").write_text("speed: 0.5")
    (folder / "bob.yaml").write_text("speed: 0.7")
    (folder / "bob.yml").write_text("speed: 0.6")
    found = await seen(folder)
    assert names(found) == ["default", "Bob2", "alice", "bob"]
    assert (found.find("alice").style.speed, found.find("bob").style.speed) == (0.5, 0.7)
    assert found.broken == dict.fromkeys(("BOB.yaml", "bob.yml"), "there is bob.yaml for this voice already")


async def test_a_recording_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    (folder / "noise.wav").write_text("no sound")
    put(
        folder,
        calm="recording: alicia.wav",
        loud="recording: noise.wav",
        noise="speed: 0.9",
        bob="recording: alice.wav",
        default="recording: alice.wav",
        own="recording: OWN.WAV",
    )
    found = await seen(folder)
    assert names(found) == ["default", "alice", "bob"]
    reasons = {name: reason for name, reason in found.broken.items() if name != "noise.wav"}
    assert reasons == {
        "bob.yaml": "recording can't be set, as it is the profile of bob.wav; rename the profile",
        "calm.yaml": "there is no recording 'alicia.wav'; there are: alice.wav, bob.wav",
        "default.yaml": "recording can't be set for the model's own voice; rename the profile",
        "loud.yaml": f"its recording noise.wav can't be used: {found.broken['noise.wav']}",
        "noise.yaml": "its recording noise.wav can't be used",
        "own.yaml": "there is no recording 'OWN.WAV'; there are: alice.wav, bob.wav",
    }
    with pytest.raises(
        VoiceError, match=r"The profile calm\.yaml of voice 'Calm' can't be used: there is no recording"
    ):
        found.find("Calm")
    with pytest.raises(VoiceError, match=r"The recording noise\.wav of voice 'noise' can't be used: "):
        found.find("noise")


async def test_an_alias_that_another_voice_has_is_named_and_the_voice_stays(folder: Path) -> None:
    put(
        folder,
        alice="aliases: [BOB, default, bob-de, mum, alice, Alice-EN]",
        bob="aliases: [Mum, bobby, robert]",
        carl="aliases: [bobby]",
    )
    found = await seen(folder, "de", "en")
    assert found.broken == {
        "alice.yaml": "; ".join(
            f"the alias '{alias}' can't be used, as it is the name of a voice already"
            for alias in ("BOB", "default", "bob-de")
        ),
        "bob.yaml": "the alias 'Mum' can't be used, as it is an alias in alice.yaml already",
        "carl.yaml": "the alias 'bobby' can't be used, as it is an alias in bob.yaml already",
    }
    for name, voice in (("mum", "alice-en"), ("bob", "bob-en"), ("bobby", "bob-en"), ("carl", "carl-en")):
        assert found.find(name).name == voice


# How it speaks


async def test_a_style_reaches_the_engine(folder: Path) -> None:
    put(folder, alice="exaggeration: 0.3\ncfg_weight: 0.4\ntemperature: 0.6\nseed: 11")
    async with serving(folder.parent, "--temperature", "0.9", "--exaggeration", "0.7") as running:
        await say(running, "alice", "One two. Three four.")
        for utterance in running.chatterbox.said:
            assert utterance.sampling == Sampling(temperature=0.6, cfg_weight=0.4, exaggeration=0.3)
            assert (utterance.seed, utterance.repeatable) == (11, True)
        await say(running, "bob")
        utterance = running.chatterbox.said[-1]
        assert utterance.sampling == Sampling(temperature=0.9, exaggeration=0.7)
        assert not utterance.repeatable


async def test_a_voice_pauses_between_sentences_as_its_profile_says(folder: Path) -> None:
    put(folder, alice="sentence_pause: 0.5", bob="sentence_pause: 0")
    text = "One two three four. Five six seven eight."
    async with serving(folder.parent, "--sentence-pause", "1") as running:
        pauses = [round(await say(running, name, text) - 0.8, 3) for name in ("alice", "bob", "default")]
        assert pauses == [0.5, 0.0, 1.0]


async def test_a_profile_that_changes_is_used_by_the_next_reply(folder: Path) -> None:
    async with serving(folder.parent) as running:
        voices = running.service.voices
        for seed in (1, 2):
            put(folder, alice=f"seed: {seed}\nlabel: Alice {seed}\naliases: [a{seed}]")
            os.utime(folder / "alice.yaml", (seed, seed))
            assert await voices.refresh(PATIENCE)
            await say(running, f"a{seed}")
            assert running.chatterbox.said[-1].seed == seed
            assert (await describe(running.uri)).tts[0].voices[1].description == f"Alice {seed} (en)"
        heard = await plain(running.uri, "Hello.", SynthesizeVoice("a1"))
        assert heard.error is not None
        (folder / "alice.yaml").unlink()
        assert await voices.refresh(PATIENCE)
        assert (await describe(running.uri)).tts[0].voices[1].description == "alice (en)"


@pytest.mark.parametrize(
    ("profile", "flags", "german", "english"),
    [
        ("language: en", (), 0.0, None),
        ("speed: 1", (), None, None),
        ("language: en\ncfg_weight: 0.3", (), 0.3, 0.3),
        ("language: en", ("--cfg-weight", "0.6"), 0.6, 0.6),
        ("language: de", (), None, 0.0),
    ],
)
async def test_guidance_is_off_where_the_recordings_language_is_another_unless_someone_sets_it(
    folder: Path, profile: str, flags: tuple[str, ...], german: float | None, english: float | None
) -> None:
    put(folder, alice=profile)
    async with serving(folder.parent, *flags, languages=("de", "en")) as running:
        for name, cfg_weight in (("alice-de", german), ("alice-en", english)):
            await say(running, name)
            assert running.chatterbox.said[-1].sampling.cfg_weight == cfg_weight


async def test_guidance_of_a_request_comes_before_that_for_foreign_texts(folder: Path) -> None:
    put(folder, alice="language: en")
    async with serving(folder.parent, languages=("de", "en")) as running:
        voice = await running.service.voices.find("alice-de")
        async with running.service.replies.open(voice, "a test", Style(cfg_weight=0.2)) as reply:
            assert [len(block) async for block in reply.speak(each(iter([Say("Ja.")])))]
        assert running.chatterbox.said[-1].sampling.cfg_weight == 0.2


async def test_describe_and_info_show_labels_aliases_and_styles(folder: Path) -> None:
    put(folder, alice="label: Alice\nlanguage: en\nspeed: 0.9\naliases: [mum]")
    async with http(folder.parent, languages=("de", "en")) as server:
        offered = (await describe(server.running.uri)).tts[0].voices
        assert [(voice.name, voice.description, voice.languages) for voice in offered if "alice" in voice.name] == [
            ("alice-de", "Alice (de)", ["de"]),
            ("alice-en", "Alice (en)", ["en"]),
        ]
        voices = {voice["name"]: voice for voice in (await server.get("/info"))[1]["voices"]}
        told = {
            "name": "alice-de",
            "label": "Alice",
            "language": "de",
            "recording": "alice.wav",
            "recorded_language": "en",
            "aliases": ["mum"],
            "style": {"speed": 0.9},
        }
        assert voices["alice-de"] | told == voices["alice-de"]
        assert (voices["default-en"]["label"], voices["default-en"]["style"]) == ("Chatterbox", {})


def found_profile(stem: str, data: object) -> FoundProfile:
    return FoundProfile(Path(f"{stem}.yaml"), f"{stem}.yaml", profile_of(data))


def test_profiles_of_recordings_that_nobody_has_listened_to_yet_wait_for_them() -> None:
    found = make_catalogue(
        {},
        {},
        Languages.of(("en",)),
        "default",
        [
            found_profile("Alice", {"speed": 0.9}),
            found_profile("calm", {"recording": "alice.wav"}),
            found_profile("narrator", {"speed": 0.9}),
        ],
        [Path("alice.wav")],
    )
    assert (names(found), found.broken) == (["default", "narrator"], {})


profiles_of_folder = st.dictionaries(
    st.sampled_from(["alice", "alice-de", "Alice", "bob", "bob-fr", "default", "default-de", "carl", "carl-xx"]),
    st.fixed_dictionaries(
        {},
        optional={
            "recording": st.sampled_from(["alice.wav", "bob.wav", "carl.wav", "ALICE.wav"]),
            "aliases": st.lists(st.sampled_from(["alice", "bob-de", "mum", "Mum", "carl"]), max_size=2),
            "language": st.sampled_from(["de", "en"]),
            "seed": st.integers(0, 9),
        },
    ),
)


@given(profiles_of_folder, st.sampled_from([("en",), ("de", "en"), ("de", "en", "fr")]))
def test_whatever_profiles_say_no_recording_loses_its_voice(
    profiles: dict[str, dict[str, Any]], languages: tuple[str, ...]
) -> None:
    recordings = {
        stem: Recording(Path(f"{stem}.wav"), (0, 0, 0), file=f"{stem}.wav") for stem in ("alice", "bob", "bob-fr")
    }
    found = [found_profile(stem, data) for stem, data in profiles.items()]
    without = make_catalogue(recordings, {}, Languages.of(languages), "default")
    catalogue = make_catalogue(recordings, {}, Languages.of(languages), "default", found)
    for voice in without.voices:
        if "recording" in profiles.get(voice.name, {}):
            # A profile says which recording speaks this one language.
            continue
        same = catalogue.find(voice.name)
        assert (same.name, same.language, same.recording) == (voice.name, voice.language, voice.recording)
    for voice in catalogue.voices:
        assert catalogue.find(voice.name) is voice
        for alias in voice.aliases:
            assert alias in catalogue.find(alias, voice.language).aliases
