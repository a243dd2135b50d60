"""Votes and counts of neighbours, against what they are by hand."""

import numpy as np

from seicampaign.analysis.tallies import elected, marked_around

VOTES = np.array([3, 2, 2, 2])
KIND = np.array([0, 1, 1, 2], np.int8)


def won_by(*neighbours):
    return int(elected(np.array([neighbours]), KIND, VOTES, 7)[0])


def test_most_votes_win_and_the_nearest_where_as_many_say_otherwise():
    assert won_by(0, 1, 2, -1) == 1
    assert won_by(0, 1, 3, -1) == 0
    assert won_by(3, 1, -1, -1) == 2
    assert won_by(0, 0, 1, 2) == 0


def test_where_there_is_nobody_the_answer_is_given():
    assert won_by(-1, -1, -1, -1) == 7
    assert elected(np.full((2, 4), -1), KIND[:0], VOTES, 7).tolist() == [7, 7]


def test_marked_neighbours_are_counted():
    marked = np.array([True, False, True, True])
    assert marked_around(np.array([[0, 1, 2], [3, -1, -1], [-1, -1, -1]]), marked).tolist() == [
        2,
        1,
        0,
    ]
