from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport SIZE_MAX, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove, memset

from pybpe._core.automaton cimport MATCHED_AT_END, MATCHED_BEFORE, MATCHED_HERE, START, STOP, Automaton, AutomatonSplitter, Ending, following, word_end
from pybpe._core.emission cimport Emission
from pybpe._core.endings cimport Endings, Run, copy_run, free_run
from pybpe._core.ids cimport IdBuffer
from pybpe._core.marks cimport Marks
from pybpe._core.memory cimport allocate, grow
from pybpe._core.merge cimport MergeTable, free_scratch
from pybpe._core.types cimport NONE, token_t
from pybpe._core.unicode cimport SPACE, char_at, char_table
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    MARK_BYTE = 0xFF  # as in marks.pyx

cdef Tally NO_IDS = Tally(0, NONE, NONE)


cdef void free_word(Word* word) noexcept nogil:
    if word != NULL:
        free_run(word.run)
        free(word.tallies)
        free(word.lengths)
        free(word)


cdef void free_thread(Thread* thread) noexcept nogil:
    if not thread.borrowed:
        free_word(thread.word)
    free_chain(thread.chain)
    thread.word = NULL
    thread.chain = NULL


cdef void drop_threads(Chain* chain, size_t count) noexcept nogil:
    """Keep the first `count` threads."""
    while chain.count > count:
        chain.count -= 1
        free_thread(&chain.threads[chain.count])


cdef void free_chain(Chain* chain) noexcept nogil:
    if chain != NULL:
        drop_threads(chain, chain.head)
        free(chain.threads)
        free(chain)


cdef Chain* new_chain(size_t start) except NULL:
    cdef Chain* chain = <Chain*>calloc(1, sizeof(Chain))
    if chain == NULL:
        raise MemoryError
    chain.read = start
    return chain


cdef Word* new_word() except NULL:
    cdef Word* word = <Word*>calloc(1, sizeof(Word))
    if word != NULL:
        word.run = <Run*>calloc(1, sizeof(Run))
    if word == NULL or word.run == NULL:
        free(word)
        raise MemoryError
    return word


cdef Word* copy_word(const Word* word) except NULL:
    """A word of its own with the same content. Raises MemoryError."""
    cdef Word* made = new_word()
    try:
        free_run(made.run)
        made.run = NULL
        made.run = copy_run(word.run)
        made.tallies = <Tally*>allocate(word.run.size, sizeof(Tally))
        made.tallies_room = word.run.size
        if word.run.size:
            memcpy(made.tallies, word.tallies, word.run.size * sizeof(Tally))
        if word.lengths != NULL:
            made.lengths = <uint32_t*>allocate(word.fed, sizeof(uint32_t))
            made.lengths_room = word.fed
            memcpy(made.lengths, word.lengths, word.fed * sizeof(uint32_t))
    except MemoryError:
        free_word(made)
        raise
    made.fed = word.fed
    return made


cdef void cut_words(Chain* chain, size_t end) noexcept nogil:
    """Take back what words were fed of text behind `end`."""
    cdef size_t i, fed
    cdef Thread* thread
    cdef Word* word
    for i in range(chain.head, chain.count):
        thread = &chain.threads[i]
        word = thread.word
        fed = end - thread.start
        if word != NULL and word.fed > fed:
            if word.lengths != NULL:
                word.run.size = word.lengths[fed - 1] if fed else 0
            else:
                word.run.size -= word.fed - fed
            word.fed = fed
        if thread.chain != NULL:
            cut_words(thread.chain, end)


cdef void shift_chain(Chain* chain, size_t by) noexcept nogil:
    """Take `by` from all places."""
    cdef size_t i
    cdef Thread* thread
    chain.read -= by
    for i in range(chain.head, chain.count):
        thread = &chain.threads[i]
        thread.start -= by
        thread.tried -= by
        thread.last -= by
        thread.read -= by
        thread.spaces -= by
        if thread.chain != NULL:
            shift_chain(thread.chain, by)


cdef inline size_t sure_end(const Thread* thread) noexcept nogil:
    """Where the word of a thread ends, or goes at least to."""
    return thread.last if thread.last > thread.tried else thread.tried


cdef class AppendRules:
    cdef inline Tally joined(self, Tally left, Tally right) noexcept nogil:
        """Of two rows of ids, one behind the other; unknown tokens side by side are one."""
        if left.count == 0:
            return right
        if right.count == 0:
            return left
        left.count += right.count
        if left.last == right.first == self.unknown and self.unknown != NONE:
            left.count -= 1
        left.last = right.last
        return left

    cdef Tally tally_of(self, const token_t* ids, size_t n) noexcept nogil:
        cdef Tally tally = NO_IDS
        cdef size_t i
        if n == 0:
            return tally
        tally = Tally(n, ids[0], ids[n - 1])
        if self.unknown != NONE:
            for i in range(1, n):
                tally.count -= ids[i] == self.unknown and ids[i - 1] == self.unknown
        return tally

    cdef inline Tally symbol_tally(self, token_t symbol) noexcept nogil:
        cdef uint32_t start
        if self.emission is None:
            return Tally(1, symbol, symbol)
        start = self.emission.ends[symbol - 1] if symbol else 0
        return self.tally_of(self.emission.ids + start, self.emission.ends[symbol] - start)

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, Vocabulary vocabulary not None, MergeTable merges not None, AutomatonSplitter splitter not None, *,
        bint ignore_merges, Emission emission, Marks marks, bytes dropped not None, unknown,
    ):
        cdef uint8_t byte
        self.vocabulary = vocabulary
        self.merges = merges
        self.splitter = splitter
        self.ignore_merges = ignore_merges and emission is None
        self.emission = emission
        if marks is not None:
            self.mark_before = marks.before
            self.mark_behind = marks.behind
            self.drops_space = marks.drops_space
        memset(self.dropped, 0, sizeof(self.dropped))
        for byte in dropped:
            self.dropped[byte] = self.drops_bytes = True
        if self.drops_bytes and (self.mark_before or self.mark_behind or ignore_merges):
            raise ValueError("a vocabulary that leaves out bytes has neither marks nor whole words")
        self.unknown = NONE if unknown is None else <token_t>unknown
        self.longest = vocabulary.longest


cdef class GrowingIds:
    # Reading

    cdef int add_text(self, const uint8_t* content, size_t size) except -1:
        cdef void* grown
        if self.n + size > self.text_room:
            grown = grow(self.text, &self.text_room, self.n + size, 1)
            if grown == NULL:
                raise MemoryError
            self.text = <uint8_t*>grown
        if size:
            memcpy(self.text + self.n, content, size)
        self.n += size
        return 0

    cdef Thread* add_thread(self, Chain* chain, size_t start, uint32_t state, size_t level) except NULL:
        """A thread that begins a word; for a word of another pattern it gets a chain."""
        cdef void* grown
        cdef Thread* thread
        cdef Chain* within = NULL
        if chain.count >= chain.room:
            grown = grow(chain.threads, &chain.room, chain.count + 1, sizeof(Thread))
            if grown == NULL:
                raise MemoryError
            chain.threads = <Thread*>grown
        if level + 1 < self.rules.splitter.n_stages:
            within = new_chain(start)
        thread = &chain.threads[chain.count]
        memset(thread, 0, sizeof(Thread))
        thread.start = thread.tried = thread.last = thread.read = thread.spaces = start
        thread.state = state
        thread.chain = within
        chain.count += 1
        return thread

    cdef size_t read_thread(self, Chain* chain, size_t number, size_t level, size_t to) except? 0:
        """Read text up to `to` with a thread and those that follow its words; the number of the last one that read.

        The threads behind one go as soon as its word gets longer.
        """
        cdef const Automaton* automaton = &self.rules.splitter.stages[level]
        cdef Thread* thread = &chain.threads[number]
        cdef uint32_t state
        cdef uint8_t flags
        cdef size_t place, end = 0, tried
        while thread.read < to:
            place = thread.read
            state = following(automaton, &self.rules.splitter.alphabet, thread.state, self.text, to, place, &end)
            if state == STOP:
                if thread.last > thread.tried:
                    thread.state = STOP
                    return number
                # No match begins at `tried`: it is tried from the next character on.
                following(automaton, &self.rules.splitter.alphabet, START, self.text, to, thread.tried, &end)
                thread.tried = thread.last = thread.read = end
                thread.state = START
                continue
            if state >= automaton.fresh:
                drop_threads(chain, number + 1)
                tried = thread.tried
                if tried > thread.start:
                    self.add_thread(chain, tried, STOP, level)
                    thread = &chain.threads[number]
                    thread.last = tried
                    thread.state = STOP
                    number += 1
                    thread = &chain.threads[number]
                thread.last = thread.read = place
                thread.state = STOP
                thread = self.add_thread(chain, place, state, level)
                number += 1
            thread.state = state
            thread.read = end
            flags = automaton.flags[state >> 7]
            if flags & MATCHED_HERE:
                place = end
            elif not flags & MATCHED_BEFORE or place <= thread.last:
                continue
            drop_threads(chain, number + 1)
            thread.last = place
            if thread.tried > thread.start:  # so what was before is a word
                self.add_thread(chain, thread.tried, state, level)
                thread = &chain.threads[number]
                thread.last = thread.tried
                thread.state = STOP
                number += 1
                thread = &chain.threads[number]
                thread.last = place
                thread.read = end
        return number

    cdef int advance(self, Chain* chain, size_t level, size_t to) except -1:
        """Read text up to `to` with all threads."""
        cdef size_t number = chain.head
        cdef Thread* thread
        if chain.read >= to:
            return 0
        if number == chain.count:
            self.add_thread(chain, chain.read, START, level)
        while True:
            if chain.threads[number].state != STOP:
                number = self.read_thread(chain, number, level, to)
            thread = &chain.threads[number]
            if thread.state != STOP and (thread.last == to or thread.last == thread.tried):
                break
            if number + 1 == chain.count:
                self.add_thread(chain, thread.last, START, level)
            number += 1
        chain.read = to
        return 0

    cdef int catch_up(self) except -1:
        """Read all of the text, and merge what is settled."""
        cdef size_t to
        while self.root.read < self.n:
            to = self.n
            if to - self.root.read > STEP:
                PyErr_CheckSignals()
                to = self.root.read + STEP
                while to < self.n and self.text[to] & 0xC0 == 0x80:  # not within a character
                    to += 1
            self.advance(self.root, 0, to)
            self.settle(self.root, 0, True)
            self.forget()
        return 0

    cdef int forget(self) except -1:
        """Drop the text before the first thread, if it is the greater part."""
        cdef size_t start
        if self.root.head == self.root.count:
            return 0
        start = self.root.threads[self.root.head].start
        if start > STEP and 2 * start > self.n:
            memmove(self.text, self.text + start, self.n - start)
            self.n -= start
            shift_chain(self.root, start)
        return 0

    # Words

    cdef int feed_word(self, Word* word, size_t start, size_t end) except -1:
        """Have a word merged up to `end`."""
        cdef AppendRules rules = self.rules
        cdef Run* run = word.run
        cdef void* grown
        cdef Tally tally
        cdef size_t place, size
        cdef uint8_t byte
        cdef bint mark = rules.mark_before and run.size == 0
        if rules.endings is None:
            rules.endings = Endings(rules.vocabulary, rules.merges)
        while mark or start + word.fed < end:
            byte = MARK_BYTE if mark else self.text[start + word.fed]
            if rules.drops_bytes and word.fed >= word.lengths_room:
                grown = grow(word.lengths, &word.lengths_room, word.fed + 1, sizeof(uint32_t))
                if grown == NULL:
                    raise MemoryError
                word.lengths = <uint32_t*>grown
            if not rules.dropped[byte] or mark:
                if run.size >= word.tallies_room:
                    grown = grow(word.tallies, &word.tallies_room, run.size + 2, sizeof(Tally))
                    if grown == NULL:
                        raise MemoryError
                    word.tallies = <Tally*>grown
                rules.endings.push(run, byte)
                place = run.size - 1
                tally = rules.symbol_tally(run.tokens[place])
                size = rules.vocabulary.size_of(run.tokens[place])
                word.tallies[place] = rules.joined(word.tallies[place - size], tally) if size <= place else tally
            if mark:
                mark = False
                continue
            if rules.drops_bytes:
                word.lengths[word.fed] = <uint32_t>run.size
            word.fed += 1
        return 0

    cdef token_t whole_word(self, size_t start, size_t end) noexcept nogil:
        """The token that a word is, where that goes before merging; NONE for none."""
        if not self.rules.ignore_merges or end - start > self.rules.longest:
            return NONE
        return self.rules.vocabulary.find(self.text + start, end - start)

    cdef bint is_dropped(self, Thread* thread, size_t start, size_t end) noexcept nogil:
        """True if a word is white space that is left out."""
        cdef size_t place = start, next_place = start
        if not self.rules.drops_space:
            return False
        if thread != NULL and thread.start == start:
            place = thread.spaces
        while place < end and char_at(char_table(), self.text, end, place, &next_place) & SPACE:
            place = next_place
        if thread != NULL and thread.start == start:
            thread.spaces = place
        return place >= end

    cdef size_t merge_direct(self, size_t start, size_t end) except? 0:
        """Merge a word of at most DIRECT bytes into `out`; how many ids."""
        cdef AppendRules rules = self.rules
        cdef uint8_t word[DIRECT + 2]
        cdef size_t size = 0, i, count
        cdef token_t whole
        if rules.mark_before:
            word[0] = MARK_BYTE
            size = 1
        for i in range(start, end):
            word[size] = self.text[i]
            size += not rules.dropped[self.text[i]]
        if rules.mark_behind:
            word[size] = MARK_BYTE
            size += 1
        if size == 0:
            return 0
        count = <size_t>rules.merges.merge_word(word, size, self.out, &self.scratch)
        if rules.emission is not None:
            return rules.emission.write(self.out, count)
        if count > 1:
            whole = self.whole_word(start, end)
            if whole != NONE:
                self.out[0] = whole
                return 1
        return count

    cdef size_t merge_long(self, Word* word, size_t start, size_t end, Tally* tally) except? 0:
        """Merge a long word up to `end`: into `tally`, or, where that is NULL, into `out`; how many ids."""
        cdef AppendRules rules = self.rules
        cdef Run* run = word.run
        cdef size_t size, place, count, i
        cdef token_t token
        cdef void* grown
        self.feed_word(word, start, end)
        token = self.whole_word(start, end)
        if rules.drops_bytes:
            size = word.lengths[end - start - 1]
        else:
            size = end - start + rules.mark_before
        if tally == NULL and size + 1 > self.out_room:
            grown = grow(self.out, &self.out_room, size + 1, sizeof(token_t))
            if grown == NULL:
                raise MemoryError
            self.out = <token_t*>grown
        if token != NONE:
            if tally == NULL:
                self.out[0] = token
            else:
                tally[0] = rules.symbol_tally(token)
            return 1
        if size == 0:
            if tally != NULL:
                tally[0] = NO_IDS
            return 0
        place = size
        token = NONE
        if rules.mark_behind:
            if word.fed > end - start:  # the word goes on: the mark takes the place of what follows
                run.size -= word.fed - (end - start)
                word.fed = end - start
            rules.endings.push(run, MARK_BYTE)
            run.size -= 1
            token = run.tokens[size]
            place = size + 1 - rules.vocabulary.size_of(token)
        if tally != NULL:
            if token == NONE:
                tally[0] = word.tallies[size - 1]
            else:
                tally[0] = rules.symbol_tally(token)
                if place:
                    tally[0] = rules.joined(word.tallies[place - 1], tally[0])
            return tally.count
        count = 0
        if token != NONE:
            self.out[0] = token
            count = 1
        while place:
            self.out[count] = run.tokens[place - 1]
            count += 1
            place -= rules.vocabulary.size_of(run.tokens[place - 1])
        for i in range(count // 2):
            token = self.out[i]
            self.out[i] = self.out[count - 1 - i]
            self.out[count - 1 - i] = token
        return count if rules.emission is None else rules.emission.write(self.out, count)

    cdef Tally word_tally(self, Thread* thread, size_t level, size_t start, size_t end) except *:
        """The ids of a word, which is that of `thread` or, where that is NULL, of none."""
        cdef Tally tally = NO_IDS
        cdef Word* word
        cdef Chain* chain
        if level + 1 < self.rules.splitter.n_stages:
            if thread != NULL and end <= sure_end(thread):
                self.advance(thread.chain, level + 1, end)
                self.visit(thread.chain, level + 1, False, &tally)
                return tally
            chain = self.copied(thread.chain, True) if thread != NULL else new_chain(start)
            try:
                self.advance(chain, level + 1, end)
                self.visit(chain, level + 1, False, &tally)
            finally:
                free_chain(chain)
            return tally
        if self.is_dropped(thread, start, end):
            return tally
        if end - start <= DIRECT:
            return self.rules.tally_of(self.out, self.merge_direct(start, end))
        if thread != NULL:
            if thread.word == NULL:
                thread.word = new_word()
            self.merge_long(thread.word, start, end, &tally)
            return tally
        word = new_word()
        try:
            self.merge_long(word, start, end, &tally)
        finally:
            free_word(word)
        return tally

    cdef int write_word(self, Thread* thread, size_t level, size_t start, size_t end) except -1:
        """As `word_tally`, but the ids are put behind the others."""
        cdef Word* word
        cdef Chain* chain
        if level + 1 < self.rules.splitter.n_stages:
            if thread != NULL and end <= sure_end(thread):
                self.advance(thread.chain, level + 1, end)
                return self.visit(thread.chain, level + 1, True, NULL)
            chain = self.copied(thread.chain, True) if thread != NULL else new_chain(start)
            try:
                self.advance(chain, level + 1, end)
                self.visit(chain, level + 1, True, NULL)
            finally:
                free_chain(chain)
            return 0
        if self.is_dropped(thread, start, end):
            return 0
        if end - start <= DIRECT:
            return self.put_ids(self.out, self.merge_direct(start, end))
        word = thread.word if thread != NULL else NULL
        if word != NULL:
            return self.put_ids(self.out, self.merge_long(word, start, end, NULL))
        word = new_word()
        try:
            self.put_ids(self.out, self.merge_long(word, start, end, NULL))
        finally:
            free_word(word)
        return 0

    cdef int put_ids(self, const token_t* ids, size_t n) except -1:
        """Put ids behind those there are; of unknown tokens in a row in one segment, only the first."""
        cdef void* grown
        cdef size_t i
        if self.count + n > self.made_room:
            grown = grow(self.made, &self.made_room, self.count + n, sizeof(token_t))
            if grown == NULL:
                raise MemoryError
            self.made = <token_t*>grown
        for i in range(n):
            if (
                ids[i] == self.rules.unknown and self.rules.unknown != NONE and self.count > self.segment_start
                and self.made[self.count - 1] == ids[i]
            ):
                continue
            self.made[self.count] = ids[i]
            self.count += 1
        return 0

    # The words of a chain whose text ends where it was read to

    cdef Tally before(self, Chain* chain, size_t number, size_t level) except *:
        """The ids of the words of the threads from the first to the one before `number`."""
        cdef size_t known = number
        cdef Thread* thread
        cdef Tally tally
        while known > chain.head and not chain.threads[known].counted:
            known -= 1
        tally = chain.threads[known].before if known > chain.head else NO_IDS
        while known < number:
            thread = &chain.threads[known]
            tally = self.rules.joined(tally, self.word_tally(thread, level, thread.start, sure_end(thread)))
            known += 1
            chain.threads[known].before = tally
            chain.threads[known].counted = True
        return tally

    cdef int visit(self, Chain* chain, size_t level, bint write, Tally* tally) except -1:
        """The ids of the words of a chain: put behind the others, or counted."""
        cdef const Automaton* automaton = &self.rules.splitter.stages[level]
        cdef size_t number = chain.head, end = chain.read
        cdef Thread* thread
        if tally != NULL:
            tally[0] = NO_IDS
        if number == chain.count:
            return 0
        while True:
            thread = &chain.threads[number]
            if thread.state != STOP and (
                automaton.flags[thread.state >> 7] & MATCHED_AT_END or thread.last == thread.tried or thread.last == end
            ):
                break
            if write:
                self.write_word(thread, level, thread.start, sure_end(thread))
            number += 1
        if not write:
            tally[0] = self.before(chain, number, level)
            thread = &chain.threads[number]
        return self.visit_rest(thread, level, end, write, tally)

    cdef int visit_rest(self, Thread* thread, size_t level, size_t end, bint write, Tally* tally) except -1:
        """As `visit`, for the words from that of the last thread that has any on."""
        cdef const Automaton* automaton = &self.rules.splitter.stages[level]
        cdef size_t start = thread.start, place = thread.tried
        cdef Ending ending = Ending.MATCHED
        cdef Thread* owner = thread
        if thread.last == end > thread.tried or (
            thread.tried == start and automaton.flags[thread.state >> 7] & MATCHED_AT_END
        ):
            place = end
        elif place < end:
            place = word_end(automaton, &self.rules.splitter.alphabet, self.text, end, place, False, &ending)
            if automaton.flags[thread.state >> 7] & MATCHED_AT_END:  # behind text that is in no match
                place = thread.tried
        while start < end:
            if write:
                self.write_word(owner, level, start, place)
            else:
                tally[0] = self.rules.joined(tally[0], self.word_tally(owner, level, start, place))
            owner = NULL
            start = place
            if start < end:
                place = word_end(automaton, &self.rules.splitter.alphabet, self.text, end, start, False, &ending)
        return 0

    cdef int settle(self, Chain* chain, size_t level, bint first) except -1:
        """Put the ids of words that no more text can change behind the others; 1 if there were any.

        The words of the first thread's own chain are settled as far as its word surely goes.
        """
        cdef Thread* thread
        cdef size_t i
        cdef bint settled = False
        while chain.head < chain.count and chain.threads[chain.head].state == STOP:
            thread = &chain.threads[chain.head]
            self.write_word(thread, level, thread.start, thread.last)
            free_thread(thread)
            chain.head += 1
            settled = True
            if first:
                self.at_head = self.count
        if chain.head < chain.count:
            thread = &chain.threads[chain.head]
            if thread.chain != NULL:
                self.advance(thread.chain, level + 1, sure_end(thread))
                settled |= self.settle(thread.chain, level + 1, False)
        if settled:
            for i in range(chain.head, chain.count):
                chain.threads[i].counted = False
        if chain.head > 16 and 2 * chain.head > chain.count:
            chain.count -= chain.head
            memmove(chain.threads, chain.threads + chain.head, chain.count * sizeof(Thread))
            chain.head = 0
        return settled

    cdef Chain* copied(self, Chain* chain, bint share) except NULL:
        """A chain with the same threads; `share`: for as long as the other one stays as it is, whose words it uses."""
        cdef Chain* made = new_chain(chain.read)
        cdef Thread* thread
        cdef Thread* copy
        cdef size_t i
        try:
            made.threads = <Thread*>allocate(chain.count - chain.head + 2, sizeof(Thread))
            made.room = chain.count - chain.head + 2
            for i in range(chain.head, chain.count):
                thread = &chain.threads[i]
                if share and thread.word == NULL and thread.state != STOP and chain.read - thread.start > DIRECT // 2:
                    thread.word = new_word()
                copy = &made.threads[made.count]
                copy[0] = thread[0]
                copy.borrowed = share and copy.word != NULL
                copy.word = thread.word if share else NULL
                copy.chain = NULL
                made.count += 1
                if not share and thread.word != NULL:
                    copy.word = copy_word(thread.word)
                if thread.chain != NULL:
                    copy.chain = self.copied(thread.chain, share)
        except:
            free_chain(made)
            raise
        return made

    cdef int end_segment(self) except -1:
        """Settle all there is: what follows is a text of its own."""
        cdef Chain* chain
        self.catch_up()
        chain = new_chain(0)
        try:
            self.visit(self.root, 0, True, NULL)
        except:
            free_chain(chain)
            raise
        free_chain(self.root)
        self.root = chain
        self.n = 0
        self.segment_start = self.at_head = self.count
        return 0

    cdef int try_tail(self, list tail, bint write, size_t* total) except -1:
        """The ids if `tail` followed, counted in `total` or put behind the others; all else is as before then.

        tail: bytes of text, and ids, which end a segment.
        """
        cdef Chain* root = self.root
        cdef size_t n = self.n, segment_start = self.segment_start
        cdef Tally tally = NO_IDS, whole = Tally(self.count, NONE, NONE)
        cdef bytes content
        cdef token_t token
        if self.count > segment_start:
            whole.last = self.made[self.count - 1]
        if not tail:
            self.visit(root, 0, write, NULL if write else &tally)
            total[0] = self.rules.joined(whole, tally).count
            return 0
        self.root = self.copied(root, True)
        try:
            for item in tail:
                if isinstance(item, bytes):
                    content = item
                    self.add_text(<const uint8_t*>PyBytes_AS_STRING(content), <size_t>len(content))
                    self.advance(self.root, 0, self.n)
                    continue
                token = item
                self.visit(self.root, 0, write, NULL if write else &tally)
                if write:
                    self.segment_start = self.count
                    self.put_ids(&token, 1)
                    self.segment_start = self.count
                else:
                    whole = Tally(self.rules.joined(whole, tally).count + 1, NONE, NONE)
                free_chain(self.root)
                self.root = NULL
                self.root = new_chain(self.n)
            self.visit(self.root, 0, write, NULL if write else &tally)
            total[0] = self.rules.joined(whole, tally).count
        finally:
            free_chain(self.root)
            self.root = root
            self.n = n
            self.segment_start = segment_start
            cut_words(root, n)
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, AppendRules rules not None):
        self.rules = rules
        self.root = new_chain(0)
        self.out = <token_t*>allocate(DIRECT + 2, sizeof(token_t))
        self.out_room = DIRECT + 2

    def __dealloc__(self):
        free_chain(self.root)
        free(self.text)
        free(self.made)
        free(self.out)
        free_scratch(&self.scratch)

    def feed(self, bytes content not None):
        self.add_text(<const uint8_t*>PyBytes_AS_STRING(content), <size_t>len(content))
        self.catch_up()

    def put(self, token_t token):
        self.end_segment()
        self.put_ids(&token, 1)
        self.segment_start = self.at_head = self.count

    def take(self, const token_t[::1] ids not None, size_t segment_start):
        cdef size_t n = <size_t>ids.shape[0]
        if self.n or self.root.count:
            raise ValueError("there is text that is not settled")
        if segment_start > self.count + n:
            raise ValueError(f"a segment cannot begin at id {segment_start} of {self.count + n}")
        self.segment_start = SIZE_MAX  # what they are is settled
        if n:
            self.put_ids(&ids[0], n)
        self.segment_start = segment_start
        self.at_head = self.count

    def count_with(self, list tail not None):
        cdef size_t total = 0
        self.catch_up()
        self.try_tail(tail, False, &total)
        return total

    def ids_with(self, list tail not None, list ints not None):
        cdef size_t count, total = 0
        cdef IdBuffer ids = IdBuffer()
        self.catch_up()
        count = self.count
        try:
            self.try_tail(tail, True, &total)
            if ids.reserve(self.count + 1) < 0:
                raise MemoryError
            if self.count:
                memcpy(ids.data, self.made, self.count * sizeof(token_t))
            ids.size = self.count
        finally:
            self.count = count
        return ids.to_list(ints)

    @property
    def open_text(self):
        """The text from the first word on that is not settled."""
        cdef size_t start
        self.catch_up()
        start = self.root.threads[self.root.head].start if self.root.head < self.root.count else self.n
        return PyBytes_FromStringAndSize(<const char*>self.text + start, <Py_ssize_t>(self.n - start))

    @property
    def settled(self):
        """Return (ids before `open_text`, in native uint32; how many of them are of earlier segments)."""
        self.catch_up()
        ids = PyBytes_FromStringAndSize(<const char*>self.made, <Py_ssize_t>(self.at_head * sizeof(token_t)))
        return ids, self.segment_start

    def copy(self):
        cdef GrowingIds made = GrowingIds(self.rules)
        cdef Chain* chain
        self.catch_up()
        chain = self.copied(self.root, False)
        free_chain(made.root)
        made.root = chain
        made.add_text(self.text, self.n)
        made.segment_start = SIZE_MAX  # what they are is settled
        made.put_ids(self.made, self.count)
        made.segment_start = self.segment_start
        made.at_head = self.at_head
        return made
