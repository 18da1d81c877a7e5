"""The exact store of what no segment holds yet."""

import numpy as np

from index.delta import Delta
from tests.index_kit import embeddings


def test_a_view_does_not_change_while_the_delta_grows_and_loses_faces() -> None:
    vectors = embeddings(700)
    delta = Delta(16)
    for row in range(250):
        delta.add(row + 1, row, vectors[row])
    view = delta.view()
    delta.remove(3)
    for row in range(250, 700):
        delta.add(row + 1, row, vectors[row])

    assert view.rows.faces.tolist() == list(range(250))
    np.testing.assert_array_equal(view.rows.vectors, vectors[:250])
    assert view.alive.all()
    assert view.live == 250


def test_what_was_removed_is_dead_in_the_next_view() -> None:
    delta = Delta(16)
    for row, vector in enumerate(embeddings(5)):
        delta.add(row + 1, row, vector)
    delta.view()
    delta.remove(2)
    delta.remove(99)
    view = delta.view()
    assert view.rows.faces[view.alive].tolist() == [0, 1, 3, 4]
    assert view.live == 4
    assert 2 not in delta
    assert 3 in delta


def test_a_face_added_again_is_there_once_with_its_new_vector() -> None:
    first, second = embeddings(2)
    delta = Delta(16)
    delta.add(1, 5, first)
    delta.add(2, 6, first)
    delta.add(3, 5, second)
    assert [(change.seq, change.face_id) for change in delta.added()] == [(2, 6), (3, 5)]
    np.testing.assert_array_equal(list(delta.added())[1].vector, second)
    assert delta.view().live == 2
