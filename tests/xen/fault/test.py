# SPDX-License-Identifier: ISC
"""Each error ends in a fault whose backtrace names the function."""

CASES = {
    # argument: (text of the report, function that it names)
    "null": ("page fault", "null_write"),
    "text": ("text, which is read-only", "text_write"),
    "rodata": ("constants, which are read-only", "rodata_write"),
    "heap": ("execution of", "heap_jump"),
    "stack": ("execution of", "stack_jump"),
    "recursion": ("stack overflow", "recurse"),
    "smash": ("stack smashed", "smash"),
    "abort": ("abort", "call_abort"),
    "assert": ("assertion", "fail_assertion"),
    "divide": ("division error", "divide"),
}


def case(argument, said, function):
    def test(lab, image):
        result = lab.run_guest(image, args=[argument], memory=32, timeout=30)
        assert result.status not in (0, None), f"status {result.status}\n{result.console}"
        assert said in result.console, result.console
        assert f" {function}+0x" in result.console, result.console
        assert "survived" not in result.console, result.console
    return test


for argument, (said, function) in CASES.items():
    globals()[f"test_{argument}"] = case(argument, said, function)


def test_a_recursion_is_folded_and_has_a_hint(lab, image):
    console = lab.run_guest(image, args=["recursion"], memory=32, timeout=30).console
    assert " more of recurse" in console and "raise it: stack=4M" in console, console


def test_overflow_of_a_kernel_stack(lab, image):
    """Under PV, Xen cannot push a frame: a crash without a report.  PVH and HVM report it."""
    result = lab.run_guest(image, args=["kernel"], memory=32, timeout=30)
    assert result.reason == "crash" and "survived" not in result.console, result.console
    if lab.type != "pv":
        assert "stack overflow, thread deep" in result.console, result.console
        assert " overflow+0x" in result.console, result.console


# The errors of each.c in the heap, and the reports.
HEAP = {
    "free_zeroed": "the heap is damaged", "free_filled": "the heap is damaged",
    "free_text": "the heap is damaged", "free_behind": "the heap is damaged",
    "realloc_text": "the heap is damaged", "malloc_end": "the heap is damaged",
    "free_hole": "the heap is damaged", "used_after_free": "the heap is damaged",
    "malloc_after_use": "the heap is damaged",
    "malloc_small_after_use": "the heap is damaged", "free_small_twice": "already freed",
    "realloc_small_freed": "already freed", "free_twice": "already freed", "free_joined": "already freed",
    "realloc_freed": "already freed",
    "free_stack": "not returned by malloc()", "free_static": "not returned by malloc()",
    "free_inside": "not returned by malloc()", "free_odd": "not returned by malloc()",
    "realloc_static": "not returned by malloc()",
}


def test_each_report_names_the_caller(lab, image):
    """Invalid arguments of the C library: NULL, a block that was overrun or freed, no block."""
    result = lab.run_guest(image, args=["each"], memory=32, timeout=120)
    _, *reports = result.console.replace("\r", "").split("\ncase ")
    assert result.status == 0 and len(reports) == 42, result.console
    wrong = []
    for report in reports:
        name = report.split()[0]
        says = HEAP.get(name, "page fault" if name != "call_wild" else "fault")
        if (f" {name}+0x" not in report or says not in report or
                name not in HEAP and "heap is" in report):
            wrong.append(report)
        if name == "call_tail" and " jumps_to_strlen+0x" not in report:
            wrong.append(report)
    assert not wrong, "\n".join(wrong)
