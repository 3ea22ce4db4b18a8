"""Names for containers whose owner did not think of one: a weather and a boat, `brisk_cutter`."""

from __future__ import annotations

import random

_WEATHERS = """
amber azure balmy becalmed bracing breezy bright brisk calm chilly clear cloudless cool crisp dappled
dewy dim drifting driving dusky eastern ebbing fair fleecy flowing fogbound fresh frosty gentle glassy
gleaming golden grey gusty hazy heaving hushed icy languid light lively lulled mackerel mellow mild
misty moonlit murky northern opal overcast pale pearly placid quiet rainy rippling rising roaring rosy
running salty scudding settled shining silver sleepy slack smooth snowy soft southern sparkling squally
starlit steady stiff still stormy sunlit sunny swift tidal tranquil turning veering warm western
whispering wild windy
"""
_BOATS = """
barge barque bateau bawley brig brigantine canoe caravel carrack catboat clipper coble cog coracle
corvette currach cutter dhow dinghy dogger dory drifter felucca ferry frigate galiot galleon galley gig
gondola hooker hoy hulk jangada jolly junk kayak keelboat ketch knarr launch lighter longboat longship
lugger mackinaw nabby outrigger packet pilot pinnace pirogue pontoon proa punt raft rowboat sampan
schooner scow sculler shallop skiff skipjack sloop smack snow tartane tender tjalk trawler trimaran tug
umiak vlet whaler wherry xebec yacht yawl yole zulu
"""
_LISTS: list[list[str]] = []


def random_name() -> str:
    """One of some seven thousand names."""
    if not _LISTS:
        _LISTS.extend((_WEATHERS.split(), _BOATS.split()))
    return f"{random.choice(_LISTS[0])}_{random.choice(_LISTS[1])}"
