from narratives.text.near_duplicates import first_connected, near_copies


def test_a_copy_of_a_copy_belongs_to_the_group_of_the_first():
    words = [f"w{n}" for n in range(16)]
    chain = [" ".join(words[start : start + 10]) for start in (0, 2, 4)]
    assert near_copies([chain[0], chain[2]]) == [0, 1], "the ends alone are no copies"
    assert near_copies(["other words", chain[2], chain[0], chain[1]]) == [0, 1, 1, 1]


def test_items_are_led_by_the_first_that_a_chain_of_pairs_reaches():
    assert first_connected(6, [(5, 3), (3, 1), (4, 4)]).tolist() == [0, 1, 2, 1, 4, 1]
    assert first_connected(0, []).tolist() == []
