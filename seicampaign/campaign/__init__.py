"""Campaigns: a matrix of simulations, declared once, launched, worked off and watched."""

from __future__ import annotations

from seicampaign.campaign.campaign import Campaign
from seicampaign.campaign.launch import LaunchReport
from seicampaign.campaign.status import CampaignStatus

__all__ = ["Campaign", "CampaignStatus", "LaunchReport"]
