import pytest

from rfm_ml.campaigns import load_playbook, playbook_table, require_segments
from rfm_ml.campaigns.playbook import FIELDS
from rfm_ml.core.errors import ParamsError
from rfm_ml.segments import load_map, map_names
from rfm_ml.strategies import CLVTiers


@pytest.mark.parametrize("name", map_names())
def test_every_segment_of_every_map_has_a_whole_entry(name):
    playbook = load_playbook()
    for segment in load_map(name).all_names():
        assert set(playbook[segment]) == set(FIELDS), segment


def test_every_tier_has_a_whole_entry():
    playbook = load_playbook()
    for tier in CLVTiers().labels:
        assert set(playbook[tier]) == set(FIELDS), tier


def test_every_entry_belongs_to_a_map_or_is_a_tier():
    known = [s for name in map_names() for s in load_map(name).all_names()] + CLVTiers().labels
    require_segments(load_playbook(), known, what="The playbook")


def test_offer_policies_keep_what_was_decided():
    offers = {name: entry["offer_policy"].lower() for name, entry in load_playbook().items()}
    assert "no discount" in offers["Champions"]
    assert "neither discounts nor cross-sell" in offers["Potentially loyal"]
    assert "high discount may pay" in offers["Losing VIPs"]
    assert "not another discount" in offers["Hibernating"]
    assert "content and preferences before offers" in offers["Lost but engaged"]


def test_a_users_file_wins_field_by_field(tmp_path):
    (tmp_path / "mine.yml").write_text(
        "Champions: {aim: Invite them to the tasting.}\n"
        "Regulars: {aim: a, offer_policy: b, channels: [SMS], message_idea: c}\n"
    )
    playbook = load_playbook(tmp_path / "mine.yml")
    assert playbook["Champions"]["aim"] == "Invite them to the tasting."
    assert playbook["Champions"]["channels"] == load_playbook()["Champions"]["channels"]
    assert playbook["Regulars"]["channels"] == ["SMS"]
    table = playbook_table(playbook, ["Regulars", "Champions", "Unheard of"])
    assert table["segment"].tolist() == ["Regulars", "Champions", "Unheard of"]
    assert table["aim"].tolist() == ["a", "Invite them to the tasting.", ""]
    assert table["channels"].tolist() == ["SMS", "e-mail, mobile, direct sales", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Champion: {aim: x}", r"must name segments of the map\. Got 'Champion'\. Did you mean 'Champions'"),
        ("Champions: {aims: x}", r"'Champions' must have known fields\. Got 'aims'\. Did you mean 'aim'"),
        ("Champions: {channels: SMS}", "channels must be a list"),
        ("Champions: {channels: []}", "channels must be text"),
        ("Champions: {aim: 5}", "aim must be text. Got 5"),
        ("Champions: {aim: ' '}", "aim must be text"),
        ("Champions: {}", "must have any of aim"),
        ("Champions: x", "must have any of aim"),
        ("[]", "must map segments"),
        ("", "must map segments"),
        ("Champions: {aim: a}\nChampions: {aim: b}", "Got 'Champions' twice"),
        ("Champions: {aim: [", "must be YAML"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path, content, message):
    (tmp_path / "mine.yml").write_text(content)
    with pytest.raises(ParamsError, match=message):
        load_playbook(tmp_path / "mine.yml", segments=load_map("twelve").all_names())


def test_a_new_segment_needs_every_field(tmp_path):
    (tmp_path / "mine.yml").write_text("Regulars: {aim: a, channels: [SMS]}")
    with pytest.raises(ParamsError, match="'Regulars' has no offer_policy, message_idea"):
        load_playbook(tmp_path / "mine.yml")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ParamsError, match="A playbook must be a file that can be read"):
        load_playbook(tmp_path / "none.yml")
