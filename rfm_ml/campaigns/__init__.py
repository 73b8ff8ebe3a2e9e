"""Campaigns: what to do with each segment."""

from rfm_ml.campaigns.playbook import Playbook, load_playbook, playbook_entry, playbook_table, require_segments

__all__ = ["Playbook", "load_playbook", "playbook_entry", "playbook_table", "require_segments"]
