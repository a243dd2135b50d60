import pytest
from truth_boxes import contact


@pytest.fixture(scope="session", params=[300, 400], ids=["300K", "400K"])
def box(request):
    """Metal, glass with a grain, electrolyte: what each atom was built in is in array `truth`."""
    return contact(request.param, seed=1, lateral=3, radius=12.0, grains=((0.5, 0.5),))
