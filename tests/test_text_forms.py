"""Multilingual v2 and v3 get texts in the form they were trained on, and a person can hear the difference."""

from __future__ import annotations

import io
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests import checkpoints, vocabularies
from tests.conftest import Tiny
from wyoming_chatterbox.compare import __main__ as compare
from wyoming_chatterbox.compare.text_forms import SENTENCES
from wyoming_chatterbox.engine.checkpoint import load
from wyoming_chatterbox.engine.tokenizers.load import TextTokenizer, load_tokenizer
from wyoming_chatterbox.engine.tokenizers.text_forms import TextForm, text_form
from wyoming_chatterbox.engine.upstream.chatterbox_tts import MTLTokenizer
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL, MULTILINGUAL_LANGUAGES

Given = Callable[[str, str], str]
"""(text, language) -> the text as the model is given it: its tokens, one after another."""

ALPHABETS = {
    "ar": "ء آ أ ؤ إ ئ ا ب ة ت ث ج ح خ د ذ ر ز س ش ص ض ط ظ ع غ ف ق ك ل م ن ه و ى ي ً ٌ ٍ َ ُ ِ ّ ْ ٠١٢٣٤٥٦٧٨٩ ، ؛ ؟",
    "da": "abcdefghijklmnopqrstuvwxyzæøåé ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅÉ",
    "de": "abcdefghijklmnopqrstuvwxyzäöüß ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜẞ „“ ‚‘ »«",
    "el": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏΪΫ · «»",
    "en": "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,!?'\"()-:;&%$£+=@#/*",
    "es": "abcdefghijklmnopqrstuvwxyzáéíóúüñ ABCDEFGHIJKLMNOPQRSTUVWXYZÁÉÍÓÚÜÑ ¿¡ ªº",
    "fi": "abcdefghijklmnopqrstuvwxyzåäöšž ABCDEFGHIJKLMNOPQRSTUVWXYZÅÄÖŠŽ",
    "fr": "abcdefghijklmnopqrstuvwxyzàâæçéèêëîïôœùûüÿ ABCDEFGHIJKLMNOPQRSTUVWXYZÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ «»",
    "he": "אבגדהוזחטיכךלמםנןסעפףצץקרשת שּׁ בְּ ־ ׳ ״",
    "hi": "अआइईउऊऋएऐओऔ कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह क़ख़ग़ज़ड़ढ़फ़ ािीुूृेैोौंँः् ०१२३४५६७८९ ।॥",
    "it": "abcdefghijklmnopqrstuvwxyzàèéìîòù ABCDEFGHIJKLMNOPQRSTUVWXYZÀÈÉÌÎÒÙ",
    "ja": "".join(map(chr, range(0x3041, 0x3094))) + "".join(map(chr, range(0x30A1, 0x30F7))) + "ー、。「」『』・！？",
    "ko": "가나다라마바사아자차카타파하 각낢닭뭇밟뵈쉿앉쟎춰켜퉜펴횟 ㄱㄴㄷㅏㅑㅓ",
    "ms": "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nl": "abcdefghijklmnopqrstuvwxyzáéíóúëïöüĳ ABCDEFGHIJKLMNOPQRSTUVWXYZÁÉÍÓÚËÏÖÜĲ",
    "no": "abcdefghijklmnopqrstuvwxyzæøåéòô ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅÉÒÔ",
    "pl": "abcdefghijklmnopqrstuvwxyząćęłńóśźż ABCDEFGHIJKLMNOPQRSTUVWXYZĄĆĘŁŃÓŚŹŻ „”",
    "pt": "abcdefghijklmnopqrstuvwxyzáâãàçéêíóôõú ABCDEFGHIJKLMNOPQRSTUVWXYZÁÂÃÀÇÉÊÍÓÔÕÚ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ «»",
    "sv": "abcdefghijklmnopqrstuvwxyzåäöé ABCDEFGHIJKLMNOPQRSTUVWXYZÅÄÖÉ",
    "sw": "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyzâîû ABCÇDEFGĞHIİJKLMNOÖPRSŞTUÜVYZÂÎÛ",
    "zh": "你好，日。！？、；：「」《》（）０１２３",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokenizers with the characters of the official vocabularies, and a table of three Chinese characters."""
    directory = tmp_path_factory.mktemp("official")
    vocabularies.english(directory / ENGLISH.tokenizer[0])
    vocabularies.multilingual(directory / MULTILINGUAL.tokenizer[0])
    table = ["你\tonf", "好\tvnd", "日\ta", "\uf90a\tc"]
    (directory / "Cangjie5_TC.json").write_text(json.dumps(table), encoding="utf-8")
    return directory


def given_by(directory: Path, form: TextForm) -> Given:
    tokenizer = load_tokenizer(directory, MULTILINGUAL, form)
    vocabulary = Tokenizer.from_file(str(directory / MULTILINGUAL.tokenizer[0]))

    def written(text: str, language: str) -> str:
        tokens = (vocabulary.id_to_token(number) or "" for number in tokenizer(text, language))
        return "".join(tokens).replace("[SPACE]", " ")

    return written


@pytest.fixture(scope="module")
def v2(directory: Path) -> Given:
    return given_by(directory, "v2")


@pytest.fixture(scope="module")
def v3(directory: Path) -> Given:
    return given_by(directory, "v3")


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("t3_mtl23ls_v2.safetensors", "v2"),
        ("t3_mtl23ls_v3.safetensors", "v3"),
        ("t3_pt_br.safetensors", "v3"),
        ("t3_hi.safetensors", "v3"),
        ("t3_cfg.safetensors", "v2"),
        ("t3_23lang.safetensors", "v2"),
        ("t3_my_own.safetensors", "v2"),
        ("t3_my_own_v3.safetensors", "v3"),
    ],
)
def test_the_file_of_t3_tells_the_form(file: str, form: TextForm) -> None:
    assert text_form(file) == form


@pytest.mark.parametrize(
    ("text", "language", "as_v3", "as_v2"),
    [
        ("Die Tür ist OFFEN", "de", "[de]Die Tür ist OFFEN.", "[de]die tür ist offen."),
        ("anna ist da", "de", "[de]anna ist da.", "[de]anna ist da."),
        ("İki kez IŞIK", "tr", "[tr]İki kez IŞIK.", "[tr]i̇ki kez işik."),
        ("Así: ¿sí?", "es", "[es]Así, ¿sí?", "[es]así, ¿sí?"),
        ("ＡＢ… ½", "en", "[en]AB,  1⁄2.", "[en]ab,  1⁄2."),
        ("부엌", "ko", "[ko]부엌.", "[ko]부엌."),
        ("שלום", "he", "[he]שלום.", "[he]שלום."),
        ("Это Ёлка", "ru", "[ru]Это Ёлка.", "[ru]это ёлка."),
        ("你好Anna", "zh", "[zh][cj_o][cj_n][cj_f][cj_.][cj_v][cj_n][cj_d][cj_.]Anna.", None),
        # Its table has a compatibility character, which the decomposition replaces by another.
        ("\uf90a", "zh", "[zh][cj_c][cj_.].", "[zh][UNK]."),
    ],
)
def test_v3_keeps_capitals_and_v2_does_not(
    v2: Given, v3: Given, text: str, language: str, as_v3: str, as_v2: str | None
) -> None:
    assert v3(text, language) == normalize("NFKD", as_v3)
    wanted = as_v3.lower() if as_v2 is None else as_v2
    assert v2(text, language) == normalize("NFKD", wanted.replace("[unk]", "[UNK]"))


LETTERS = st.text(st.sampled_from("aÄéßİıŁ 你が가шй.…\"'-ＡFf½"), min_size=1, max_size=20)


@given(LETTERS, st.sampled_from([code for code in MULTILINGUAL_LANGUAGES if code not in ("zh", "ru", "ja")]))
def test_v3_is_the_decomposed_text_and_nothing_else(v3: Given, text: str, language: str) -> None:
    words = normalize("NFKD", " ".join(text.split()))
    kept = v3(text, language).removeprefix(f"[{language}]").replace("[UNK]", "")
    assert "".join(char for char in kept if char.isalpha()) == "".join(
        char for char in words if char.isalpha() and char != "你"
    )


@given(LETTERS, st.sampled_from([code for code in MULTILINGUAL_LANGUAGES if code != "zh"]))
def test_v2_is_what_the_package_makes_of_it(directory: Path, text: str, language: str) -> None:
    from chatterbox import mtl_tts

    path = directory / MULTILINGUAL.tokenizer[0]
    stock = MTLTokenizer.__new__(MTLTokenizer)  # Its constructor downloads.
    stock.tokenizer = Tokenizer.from_file(str(path))
    ours = load_tokenizer(directory, MULTILINGUAL, "v2")
    assert ours(text, language) == stock.encode(mtl_tts.punc_norm(text), language_id=language)


def test_russian_is_stressed_before_it_is_decomposed(v2: Given, v3: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatterbox.models.tokenizers import tokenizer

    seen: list[str] = []

    class RussianTextStresser:
        def stress_text(self, text: str) -> str:
            seen.append(text)
            return text.replace("а", "а\u0301")

    package, module = ModuleType("russian_text_stresser"), ModuleType("russian_text_stresser.text_stresser")
    module.RussianTextStresser = RussianTextStresser  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(tokenizer, "_russian_stresser", None)
    assert v3("Мой шкаф", "ru") == normalize("NFKD", "[ru]Мой шка\u0301ф.")
    assert v2("Мой шкаф", "ru") == normalize("NFKD", "[ru]мой шка\u0301ф.")
    assert seen == ["Мой шкаф.", normalize("NFKD", "мой шкаф.")]


def test_kanji_are_read_where_the_vocabulary_has_none(v3: Given, directory: Path, tmp_path: Path) -> None:
    assert v3("台所のドアがAです", "ja") == normalize("NFKD", "[ja]だいどころのドアがAです.")
    path = vocabularies.multilingual(tmp_path / MULTILINGUAL.tokenizer[0], "台所")
    assert given_by(path.parent, "v3")("台所のドアです", "ja") == normalize("NFKD", "[ja]台所のドアです.")


@pytest.mark.parametrize("form", ["v2", "v3"])
@pytest.mark.parametrize("language", MULTILINGUAL_LANGUAGES)
def test_every_alphabet_is_known(directory: Path, language: str, form: TextForm) -> None:
    tokenizer = load_tokenizer(directory, MULTILINGUAL, form)
    path = directory / MULTILINGUAL.tokenizer[0]
    for text in (ALPHABETS[language], *ALPHABETS[language].split()):
        assert vocabularies.unknown(path, tokenizer(text, language)) == 0, text
    if language != "zh":
        assert vocabularies.unknown(path, tokenizer(SENTENCES[language], language)) == 0


def test_english_knows_its_alphabet(directory: Path) -> None:
    tokenizer = load_tokenizer(directory, ENGLISH)
    text = ALPHABETS["en"] + " café naïve façade “quoted” ‘so’ – — … °"
    assert vocabularies.unknown(directory / ENGLISH.tokenizer[0], tokenizer(text, "en")) == 0


@pytest.mark.slow(3)
def test_a_loaded_model_has_the_form_of_its_version(tiny: Tiny) -> None:
    def tokenizer(layout: str) -> TextTokenizer:
        return load(tiny(layout), MULTILINGUAL, checkpoints.FLOAT32).tokenizer

    v2, v3 = tokenizer("multilingual"), tokenizer("multilingual-v3")
    assert v2("Das Haus", "de") == v2("das haus", "de") == v3("das haus", "de")
    assert v3("Das Haus", "de") != v3("das haus", "de")


@pytest.mark.slow(10)
@pytest.mark.timeout(300)
def test_compare_speaks_the_same_sentence_in_both_forms(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny("multilingual-v3")
    options = ["--model", str(model), "--device", "cpu", "--text-forms", "--text", "Hi.", "--language", "de"]
    assert compare.main([*options, "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    sounds = {path.name: path.read_bytes() for path in sorted(tmp_path.glob("*.wav"))}
    assert list(sounds) == ["1-de-v2.wav", "1-de-v3.wav"]
    for sound in sounds.values():
        with wave.open(io.BytesIO(sound)) as file:
            assert file.getnframes() > 0
    assert sounds["1-de-v2.wav"] != sounds["1-de-v3.wav"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.index("[de]Hi.") < page.index("[de]hi.")
    assert page.count("<audio") == page.count("<img") == 2
    assert "t3_mtl23ls_v3.safetensors" in page


@pytest.mark.slow(10)
@pytest.mark.timeout(300)
def test_a_text_that_both_forms_write_alike_sounds_alike(tiny: Tiny, tmp_path: Path) -> None:
    options = ["--model", str(tiny("multilingual")), "--device", "cpu", "--text-forms", "--text", "ja."]
    assert compare.main([*options, "--output", str(tmp_path)]) == 0
    assert (tmp_path / "1-en-v2.wav").read_bytes() == (tmp_path / "1-en-v3.wav").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model", "{nano}", "--text-forms"], "this is the nano model"),
        (["--model", "{multilingual}", "--text-forms", "--language", "xx"], "'xx'"),
        (["--text-forms"], "this is the nano model"),
    ],
)
def test_what_has_no_forms_is_one_line(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    filled = [argument.format(nano=tiny("nano"), multilingual=tiny("multilingual")) for argument in arguments]
    assert compare.main([*filled, "--output", str(tmp_path / "output")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line
    assert not (tmp_path / "output" / "report.html").exists()


def test_forms_are_compared_in_one_precision(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(["--text-forms", "--precisions", "float32", "int8"])
    assert "--precisions" in capsys.readouterr().err


def test_there_is_a_sentence_of_each_language() -> None:
    assert set(SENTENCES) == set(MULTILINGUAL_LANGUAGES)
